"""The actor-critic network: multilayer perceptrons over flat observations. The only importer of flax modules."""

from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax.numpy as jnp

from jaxac.config import NetworkConfig
from jaxac.types import Array, PRNGKey, PyTree

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "elu": nn.elu,
    "gelu": nn.gelu,
    "relu": nn.relu,
    "silu": nn.silu,
    "tanh": nn.tanh,
}


class Network(NamedTuple):
    """A pair of pure functions."""

    init: Callable[[PRNGKey], PyTree]
    """``init(key) -> weights``."""
    apply: Callable[[PyTree, Array], tuple[Array, Array]]
    """``apply(weights, observation [..., O]) -> (logits [..., A], value [...])``."""


class Torso(nn.Module):
    """Dense layers ``[..., O] -> [..., hidden_sizes[-1]]``, orthogonal with gain √2 as in OpenAI Baselines."""

    hidden_sizes: tuple[int, ...]
    activation: str

    @nn.compact
    def __call__(self, x: Array) -> Array:
        for size in self.hidden_sizes:
            x = ACTIVATIONS[self.activation](nn.Dense(size, kernel_init=nn.initializers.orthogonal(2**0.5))(x))
        return x


class ActorCritic(nn.Module):
    """A policy head and a value head, on one torso or on one each."""

    num_actions: int
    config: NetworkConfig
    value_dot: Callable[..., Array] | None = None
    """What computes the last product of the value, in place of ``lax.dot_general``."""

    @nn.compact
    def __call__(self, observation: Array) -> tuple[Array, Array]:
        config = self.config

        def torso(name: str) -> Array:
            return Torso(config.hidden_sizes, config.activation, name=name)(observation)

        actor, critic = (torso("torso"),) * 2 if config.shared else (torso("actor_torso"), torso("critic_torso"))
        # A small last layer starts from a near-uniform policy (Andrychowicz et al. 2021, "What Matters in
        # On-Policy Reinforcement Learning?", section 3.2).
        logits = nn.Dense(self.num_actions, kernel_init=nn.initializers.orthogonal(0.01), name="actor")(actor)
        value = nn.Dense(1, kernel_init=nn.initializers.orthogonal(1.0), dot_general=self.value_dot, name="critic")(
            critic
        )
        return logits, jnp.squeeze(value, axis=-1)


def make(
    config: NetworkConfig, observation_size: int, num_actions: int, value_dot: Callable[..., Array] | None = None
) -> Network:
    """The network that ``config`` describes, for observations of ``observation_size`` features.

    Args:
        value_dot: see :class:`ActorCritic`.
    """
    module = ActorCritic(num_actions, config, value_dot)

    def init(key: PRNGKey) -> PyTree:
        return module.init(key, jnp.zeros((observation_size,)))["params"]

    def apply(weights: PyTree, observation: Array) -> tuple[Array, Array]:
        outputs: Any = module.apply({"params": weights}, observation)
        return outputs

    return Network(init, apply)
