"""The actor-critic network: dense layers over flat observations, with convolutions before them for images."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

from jaxac.agent.convolution import Convolutions
from jaxac.config.parts import ConvNetworkConfig, NetworkConfig
from jaxac.types import Array, PRNGKey, PyTree

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "elu": nn.elu,
    "gelu": nn.gelu,
    "relu": nn.relu,
    "silu": nn.silu,
    "tanh": nn.tanh,
}


Dot = Callable[..., Array]
"""A function with the arguments of ``lax.dot_general``."""


@jax.custom_vjp
def product(x: Array, kernel: Array) -> Array:
    """``x [..., I] @ kernel [I, J]``, whose gradient for the kernel transposes the narrower of its two factors.

    XLA alone transposes the factor that comes first: with 4 features and 128 units, the one that is 32 times larger.
    """
    return jnp.matmul(x, kernel)


def _product_forward(x: Array, kernel: Array) -> tuple[Array, tuple[Array, Array]]:
    return product(x, kernel), (x, kernel)


def _product_backward(factors: tuple[Array, Array], error: Array) -> tuple[Array, Array]:
    x, kernel = factors
    leading = tuple(range(x.ndim - 1))
    over = ((leading, leading), ((), ()))
    narrow_input = x.shape[-1] < error.shape[-1]
    of_kernel = lax.dot_general(x, error, over) if narrow_input else lax.dot_general(error, x, over).T
    return jnp.matmul(error, kernel.T), of_kernel


product.defvjp(_product_forward, _product_backward)


def _dot(x: Array, kernel: Array, *_: object, **__: object) -> Array:
    """:func:`product` with the arguments of a layer's ``dot_general``: ``x [..., I] @ kernel [I, J]``."""
    return product(x, kernel)


class Network(NamedTuple):
    """A network as a pair of pure functions."""

    init: Callable[[PRNGKey], PyTree]
    """``init(key) -> weights``."""
    apply: Callable[[PyTree, Array], tuple[Array, Array]]
    """``apply(weights, observation [..., O]) -> (the policy's parameters [..., size], value [...])``."""


class Torso(nn.Module):
    """Dense layers ``[..., O] -> [..., hidden_sizes[-1]]``, orthogonal with gain √2 as in OpenAI Baselines.

    Before them there may be convolutions.
    """

    config: NetworkConfig
    """The layers' settings."""
    shape: tuple[int, ...]
    """The environment's own shape of an observation."""
    dot: Dot
    """Computes the dense layers' products."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        if isinstance(self.config, ConvNetworkConfig):
            x = Convolutions(self.config, self.shape)(x)
        for size in self.config.hidden_sizes:
            layer = nn.Dense(size, kernel_init=nn.initializers.orthogonal(2**0.5), dot_general=self.dot)
            x = ACTIVATIONS[self.config.activation](layer(x))
        return x


class ActorCritic(nn.Module):
    """A policy head ``[..., size]`` and a value head ``[...]``, on one torso or on one each."""

    size: int
    """Number of the policy's parameters."""
    constant: int
    """Number of them, the last ones, that are the same in every state."""
    config: NetworkConfig
    """The torsos' settings."""
    shape: tuple[int, ...]
    """The environment's own shape of an observation."""
    dot: Dot
    """Computes all products but the value head's."""
    value_dot: Dot
    """Computes the value head's product."""

    @nn.compact
    def __call__(self, observation: Array) -> tuple[Array, Array]:
        config = self.config

        def torso(name: str) -> Array:
            return Torso(config, self.shape, self.dot, name=name)(observation)

        actor, critic = (torso("torso"),) * 2 if config.shared else (torso("actor_torso"), torso("critic_torso"))
        # A small last layer starts from a near-uniform policy (Andrychowicz et al. 2021, "What Matters in
        # On-Policy Reinforcement Learning?", section 3.2).
        head = nn.Dense(
            self.size - self.constant, kernel_init=nn.initializers.orthogonal(0.01), dot_general=self.dot, name="actor"
        )
        policy = head(actor)
        if self.constant:
            same = self.param("constant", nn.initializers.zeros, (self.constant,))
            policy = jnp.concatenate([policy, jnp.broadcast_to(same, (*policy.shape[:-1], self.constant))], axis=-1)
        value = nn.Dense(1, kernel_init=nn.initializers.orthogonal(1.0), dot_general=self.value_dot, name="critic")(
            critic
        )
        return policy, jnp.squeeze(value, axis=-1)


def make(
    config: NetworkConfig,
    shape: tuple[int, ...],
    size: int,
    constant: int = 0,
    dot: Dot = _dot,
    value_dot: Dot = _dot,
) -> Network:
    """The network that ``config`` describes.

    Args:
        config: the network's settings.
        shape: the environment's own shape of an observation, of ``O`` features.
        size: number of the policy's parameters: of actions, or two a number that makes up an action.
        constant: number of them, the last ones, that are the same in every state.
        dot: computes all products but the value head's.
        value_dot: computes the value head's product.
    """
    module = ActorCritic(size, constant, config, shape, dot, value_dot)

    def init(key: PRNGKey) -> PyTree:
        return module.init(key, jnp.zeros((math.prod(shape),)))["params"]

    def apply(weights: PyTree, observation: Array) -> tuple[Array, Array]:
        outputs: Any = module.apply({"params": weights}, observation)
        return outputs

    return Network(init, apply)
