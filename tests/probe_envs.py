"""Tiny environments, each of which fails for one reason only.

After Andy Jones, "Debugging RL, Without the Agonizing Pain".

They are gymnax environments, so that they pass through all that a real one does; ``env.name=tests.probe_envs:Endless``.
"""

from typing import Any

import jax
import jax.numpy as jnp
from flax import struct
from gymnax.environments import environment, spaces


@struct.dataclass
class State(environment.EnvState):
    time: Any
    sign: Any


@struct.dataclass
class Params(environment.EnvParams):
    max_steps_in_episode: int = 10


class Probe(environment.Environment):
    """Two actions, one observed number, a state of a clock and a random sign."""

    @property
    def default_params(self):
        return Params()

    @property
    def num_actions(self):
        return 2

    def action_space(self, params=None):
        return spaces.Discrete(2)

    def observation_space(self, params):
        return spaces.Box(-1.0, 1.0, (1,), jnp.float32)

    def reset_env(self, key, params):
        state = State(time=jnp.int32(0), sign=jax.random.rademacher(key, (), jnp.float32))
        return self.observe_state(state), state

    def step_env(self, key, state, action, params):
        stepped = state.replace(time=state.time + 1)
        return self.observe_state(stepped), stepped, self.reward(state, action), self.terminated(stepped), {}

    def observe_state(self, state):
        return jnp.ones(1)

    def reward(self, state, action):
        return jnp.float32(1)

    def terminated(self, state):
        return state.time >= 1

    def chosen(self, action):
        """[...] whether actions ``[...]`` are the second of the two."""
        return action == 1


class ConstantReward(Probe):
    """Value 1, whatever happens: can the critic learn a constant?"""


class SignReward(Probe):
    """The reward is the observed sign: does the critic look at the observation?"""

    def observe_state(self, state):
        return state.sign[None]

    def reward(self, state, action):
        return state.sign


class DelayedReward(Probe):
    """A reward of 1 after two steps; the first step's value is γ: is reward discounted and carried back?"""

    def observe_state(self, state):
        return state.time[None].astype(jnp.float32)

    def reward(self, state, action):
        return jnp.where(state.time == 1, 1.0, 0.0)

    def terminated(self, state):
        return state.time >= 2


class ActionReward(Probe):
    """Action 1 pays: can the actor learn at all?"""

    def reward(self, state, action):
        return self.chosen(action).astype(jnp.float32)


class SignAction(Probe):
    """The action that matches the observed sign pays: do actor and critic see the same observation?"""

    def observe_state(self, state):
        return state.sign[None]

    def reward(self, state, action):
        return jnp.where(self.chosen(action) == (state.sign > 0), 1.0, -1.0)


class Endless(Probe):
    """A reward of 1 for ever, cut by a time limit of 10: worth 1/(1 − γ) only if truncation is not termination."""

    def terminated(self, state):
        return jnp.bool_(False)


class Signed(Probe):
    """A probe whose action is a number within ±1, of which only the sign counts."""

    def action_space(self, params=None):
        return spaces.Box(-1.0, 1.0, (1,))

    def chosen(self, action):
        """[...] whether actions ``[..., 1]`` are positive."""
        return action[..., 0] > 0


class SignedConstantReward(Signed, ConstantReward):
    """Does the critic beside a Gaussian policy learn a constant?"""


class SignedSignReward(Signed, SignReward):
    """Does the critic beside a Gaussian policy look at the observation?"""


class SignedDelayedReward(Signed, DelayedReward):
    """Is reward discounted and carried back where actions are numbers?"""


class SignedActionReward(Signed, ActionReward):
    """Can a Gaussian policy learn which side pays?"""


class SignedSignAction(Signed, SignAction):
    """Does a Gaussian policy see what its critic sees?"""


class SignedEndless(Signed, Endless):
    """Is truncation no termination where actions are numbers?"""


class Stirred(Probe):
    """The random sign flips with every action 1; it ends by itself in some states, and is cut after four steps."""

    @property
    def default_params(self):
        return Params(max_steps_in_episode=4)

    def step_env(self, key, state, action, params):
        sign = jnp.where(action == 1, -1.1, 0.9) * state.sign + 0.1 * jax.random.normal(key)
        return super().step_env(key, state.replace(sign=sign), action, params)

    def observe_state(self, state):
        return state.sign[None]

    def reward(self, state, action):
        return state.sign

    def terminated(self, state):
        return (state.time >= 2) & (state.sign > 0.8)


class Recall(Probe):
    """The sign is seen at the start alone, and the second action must match it: is anything remembered?"""

    def observe_state(self, state):
        return jnp.where(state.time == 0, state.sign, 0.0)[None]

    def reward(self, state, action):
        return jnp.where(self.chosen(action) == (state.sign > 0), 1.0, -1.0) * (state.time == 1)

    def terminated(self, state):
        return state.time >= 2


class SignedRecall(Signed, Recall):
    """Is anything remembered by a Gaussian policy?"""


class EndlessByNeed(Endless):
    """The same, but episodes start by need: is every start the one that would have been drawn ahead?"""

    starts_ahead = False


class Target(Probe):
    """The nearer to 0.5 the action, the better: can a Gaussian policy learn at all?"""

    def action_space(self, params=None):
        return spaces.Box(-1.0, 1.0, (1,))

    def reward(self, state, action):
        return -jnp.square(action[0] - 0.5)


class Matrix(Probe):
    """Actions are 2 × 2 numbers without bounds, whose sum is the reward."""

    def action_space(self, params=None):
        return spaces.Box(-jnp.inf, jnp.inf, (2, 2))

    def reward(self, state, action):
        return jnp.sum(action)


@struct.dataclass
class NoLimit(environment.EnvParams):
    """Parameters without a time limit."""

    patience: int = 3


class Unlimited(Probe):
    """Decides by itself when an episode is too long."""

    @property
    def default_params(self):
        return NoLimit()

    def is_truncated(self, state, params):
        return state.time >= params.patience

    def terminated(self, state):
        return jnp.bool_(False)


class NoisyReward(Probe):
    """The reward is drawn anew in every step: does each step of each environment have a key of its own?"""

    def step_env(self, key, state, action, params):
        observation, stepped, _, terminated, info = super().step_env(key, state, action, params)
        return observation, stepped, jax.random.uniform(key), terminated, info


class NotANumber(Probe):
    """Rewards stop being numbers after some steps: the run must stop as diverged."""

    def reward(self, state, action):
        return jnp.where(state.time >= 5, jnp.nan, 1.0)

    def terminated(self, state):
        return jnp.bool_(False)


class Picture(Probe):
    """A picture of 3 × 4 bytes that is dark on the side whose choice is rewarded."""

    def observation_space(self, params):
        return spaces.Box(0, 255, (3, 4, 1), jnp.uint8)

    def observe_state(self, state):
        bright = (jnp.arange(4) < 2) == (state.sign > 0)
        return jnp.tile(jnp.where(bright, 255, 0).astype(jnp.uint8)[:, None], (3, 1, 1))

    def reward(self, state, action):
        return jnp.where(action == (state.sign > 0), 1.0, -1.0)
