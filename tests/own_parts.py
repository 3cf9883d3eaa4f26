"""Parts of a user's own: some that work, and some that each fail for one reason only."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from gymnax.environments import spaces

from jaxac.agent import networks
from jaxac.config.parts import NetworkConfig
from tests import probe_envs

NOT_CALLABLE = {"width": 8}


def ours(num_actions, hidden_sizes, activation):
    """The network that comes with jaxac."""
    config = NetworkConfig(shared=True, hidden_sizes=hidden_sizes, activation=activation)
    return networks.ActorCritic(num_actions, 0, config, (), networks._dot, networks._dot)


class Wide(nn.Module):
    """Two layers, whose number of actions is an argument like others."""

    actions: int
    width: int = 8

    @nn.compact
    def __call__(self, observation):
        x = nn.tanh(nn.Dense(self.width)(observation))
        return nn.Dense(self.actions)(x), nn.Dense(1)(x).squeeze(-1)


class Half(Wide):
    """The same in half precision."""

    def __call__(self, observation):
        return jax.tree.map(lambda x: x.astype(jnp.bfloat16), super().__call__(observation))


class HalfWeights(nn.Module):
    """Keeps its weights in half precision."""

    @nn.compact
    def __call__(self, observation):
        x = nn.Dense(3, param_dtype=jnp.bfloat16)(observation)
        return x[..., :2], x[..., 2]


class Convolution(nn.Module):
    """Sees the observation in the environment's own shape ``[..., 10, 5]``."""

    num_actions: int

    @nn.compact
    def __call__(self, observation):
        x = nn.relu(nn.Conv(4, (3, 3))(observation[..., None]))
        x = x.reshape(*x.shape[:-3], -1)
        return nn.Dense(self.num_actions)(x), nn.Dense(1)(x).squeeze(-1)


class NoActions(Wide):
    """Too many actions."""

    def __call__(self, observation):
        logits, value = super().__call__(observation)
        return jnp.concatenate([logits, logits], -1), value


class ColumnOfValues(Wide):
    """The value has an axis too many."""

    def __call__(self, observation):
        logits, value = super().__call__(observation)
        return logits, value[..., None]


class NoValue(Wide):
    """Only a policy."""

    def __call__(self, observation):
        return super().__call__(observation)[0]


class OneAxis(Wide):
    """Takes observations one by one only."""

    def __call__(self, observation):
        (_,) = observation.shape
        return super().__call__(observation)


class Batches(Wide):
    """Keeps running statistics."""

    @nn.compact
    def __call__(self, observation):
        x = nn.BatchNorm(use_running_average=False)(observation)
        return nn.Dense(self.actions)(x), nn.Dense(1)(x).squeeze(-1)


class NeedsArguments(probe_envs.ConstantReward):
    """An environment that cannot be made of nothing."""

    def __init__(self, size):
        self.size = size


class Nothing(probe_envs.ConstantReward):
    """An environment whose actions are neither choices nor numbers."""

    def action_space(self, params=None):
        return object()


class PairOfObservations(probe_envs.ConstantReward):
    """Observations are no array."""

    def observation_space(self, params):
        return spaces.Dict({"one": spaces.Box(-1.0, 1.0, (1,)), "other": spaces.Box(-1.0, 1.0, (1,))})


class OtherShape(probe_envs.ConstantReward):
    """Observes twice what it says."""

    def observe_state(self, state):
        return jnp.ones(2)


class FailsInStep(probe_envs.ConstantReward):
    """Can only be reset."""

    def reward(self, state, action):
        return 1 / 0


class TwoRewards(probe_envs.ConstantReward):
    """One reward too many."""

    def reward(self, state, action):
        return jnp.ones(2)


class OtherState(probe_envs.ConstantReward):
    """The clock becomes a real number."""

    def step_env(self, key, state, action, params):
        observation, stepped, *rest = super().step_env(key, state, action, params)
        return observation, stepped.replace(time=stepped.time * 0.5), *rest


class Poisson(probe_envs.ConstantReward):
    """Rewards are counts."""

    def step_env(self, key, state, action, params):
        observation, stepped, _, *rest = super().step_env(key, state, action, params)
        return observation, stepped, jax.random.poisson(key, 3.0), *rest


class KeyInState(probe_envs.ConstantReward):
    """Keeps a key of its own."""

    def reset_env(self, key, params):
        observation, state = super().reset_env(key, params)
        return observation, state.replace(sign=key)


class NoModule:
    """No flax module."""


def square_of_rate(learning_rate):
    """Steps of −η² g: a rate that is no mere factor shows whether it arrives as it is."""
    return optax.scale(-jnp.square(learning_rate))


def restart(learning_rate):
    """Adam, whose state has a flag."""
    return optax.apply_if_finite(optax.adam(learning_rate), 5)


def no_transformation(learning_rate):
    """A number."""
    return learning_rate


def other_shapes(learning_rate):
    """Updates of twice as many weights."""
    return optax.stateless(lambda updates, _: jax.tree.map(lambda x: jnp.concatenate([x, x]), updates))


def needs_the_value(learning_rate):
    """Wants to know the loss."""
    return optax.polyak_sgd(1.0, learning_rate)


def square_of_value(inputs):
    """½ E[V²], whose gradient is known."""
    return 0.5 * inputs.mean(jnp.square(inputs.value))


def number_of_environments(inputs):
    """``B`` of the batch that a term sees."""
    return jnp.float32(inputs.value.shape[1]) + 0.0 * inputs.mean(inputs.value)


def size_of_weights(inputs):
    """½ Σ w²."""
    return 0.5 * optax.tree.norm(inputs.weights, squared=True)


def value_at_zero(inputs):
    """Needs the network at another observation."""
    return inputs.mean(inputs.apply(inputs.weights, jnp.zeros_like(inputs.transitions.observation))[1])


def a_value_each(inputs):
    """[T, B]"""
    return inputs.value


def a_python_number(inputs):
    """Nothing to differentiate."""
    return 1


def a_mistake(inputs):
    """Raises."""
    return inputs.rewards


def no_gradient(inputs):
    """Cannot be differentiated backwards."""
    return jax.lax.while_loop(lambda x: x < 1, lambda x: x + 1, inputs.mean(inputs.value))
