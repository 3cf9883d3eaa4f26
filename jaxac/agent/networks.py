"""The actor-critic network: dense layers over flat observations, with convolutions before them for images."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

from jaxac.agent.cells import CELLS
from jaxac.agent.convolution import Convolutions
from jaxac.config.parts import AnyNetwork, ConvNetworkConfig, NetworkConfig
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
    """A network as pure functions; one without memory has ``()`` for it."""

    init: Callable[[PRNGKey], PyTree]
    """``init(key) -> weights``."""
    step: Callable[[PyTree, Array, PyTree], tuple[Array, Array, PyTree]]
    """``step(weights, observation [..., O], memory [..., H])``: the policy's parameters ``[..., size]``, the value
    ``[...]``, and the memory ``[..., H]`` after the observation."""
    unroll: Callable[[PyTree, Array, PyTree, Array], tuple[Array, Array, PyTree]]
    """``unroll(weights, observation [T, B, O], memory [B, H], done [T, B])``: the same for ``T`` steps,
    ``[T, B, ...]``. Where a step's episode is done, the next one starts without memory."""


def memoryless(init: Callable[[PRNGKey], PyTree], apply: Callable[[PyTree, Array], tuple[Array, Array]]) -> Network:
    """The network of ``apply(weights, observation [..., O]) -> (the policy's parameters [..., size], value [...])``."""

    def step(weights: PyTree, observation: Array, memory: PyTree) -> tuple[Array, Array, PyTree]:
        return *apply(weights, observation), memory

    def unroll(weights: PyTree, observation: Array, memory: PyTree, done: Array) -> tuple[Array, Array, PyTree]:
        del done
        return step(weights, observation, memory)

    return Network(init, step, unroll)


def initial_memory(config: AnyNetwork, leading: tuple[int, ...]) -> PyTree:
    """The memory ``[*leading, H]`` at the start of episodes, a cell after the other; ``()`` without cells."""
    if not isinstance(config, NetworkConfig) or config.memory == "none":
        return ()
    return (CELLS[config.memory].initial((*leading, config.memory_size)),) * (1 if config.shared else 2)


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


class Memory(nn.Module):
    """A recurrent cell behind a torso: ``[..., I] -> [..., H]``."""

    cell: str
    """One of ``CELLS``."""
    size: int
    """``H``, the number of its units."""
    dot: Dot
    """Computes the product with the torso's output."""

    @nn.compact
    def __call__(self, x: Array, memory: PyTree, done: Array | None) -> tuple[Array, PyTree]:
        cell = CELLS[self.cell]
        inputs = nn.Dense(cell.inputs * self.size, dot_general=self.dot, name="inputs")(x)
        kernel = self.param("kernel", _recurrent, (self.size, cell.recurrent)) if cell.recurrent else None
        if done is None:
            memory = cell.step(kernel, memory, inputs)
        else:
            reset = jnp.concatenate([jnp.zeros_like(done[:1]), done[:-1]])
            memory = cell.unroll(kernel, memory, inputs, reset)
        return cell.output(memory), memory


def _recurrent(key: PRNGKey, shape: tuple[int, int]) -> Array:
    """Weights ``[H, gates · H]`` from one memory to the next, orthogonal for each gate (Saxe et al. 2014).

    Args:
        key: [] the key.
        shape: H and the number of gates.
    """
    size, gates = shape
    orthogonal = nn.initializers.orthogonal()
    return jnp.concatenate([orthogonal(each, (size, size)) for each in jax.random.split(key, gates)], axis=1)


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
    def __call__(
        self, observation: Array, memory: PyTree = (), done: Array | None = None
    ) -> tuple[Array, Array, PyTree]:
        config = self.config

        def torso(name: str) -> Array:
            return Torso(config, self.shape, self.dot, name=name)(observation)

        names = ("",) if config.shared else ("actor_", "critic_")
        outputs = [torso(f"{name}torso") for name in names]
        if memory:
            cells = [Memory(config.memory, config.memory_size, self.dot, name=f"{name}cell") for name in names]
            remembered = [cell(x, own, done) for cell, x, own in zip(cells, outputs, memory, strict=True)]
            outputs, memory = [x for x, _ in remembered], tuple(own for _, own in remembered)
        actor, critic = outputs[0], outputs[-1]
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
        return policy, jnp.squeeze(value, axis=-1), memory


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
        return module.init(key, jnp.zeros((math.prod(shape),)), initial_memory(config, ()))["params"]

    def apply(weights: PyTree, *arguments: PyTree) -> Any:
        return module.apply({"params": weights}, *arguments)

    return Network(init, apply, apply)
