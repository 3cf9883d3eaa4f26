"""Evaluation of a fixed policy on fresh episodes, from start to end."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxac.agent import actor_critic, distributions, networks
from jaxac.spec import Spec
from jaxac.types import Array, Params, PRNGKey, PyTree

_LONGEST = 100_000
"""Steps after which an episode of an evaluation is cut, in an environment that neither ends nor has a time limit."""


class Episodes(NamedTuple):
    """``B`` episodes side by side."""

    key: PRNGKey
    """[] the key for the next step."""
    env_state: PyTree
    """[B, ...] states of the environments."""
    observation: Array
    """[B, O] observations that the next step acts on."""
    returns: Array
    """[B] float32, returns so far, undiscounted and unscaled."""
    alive: Array
    """[B] bool: the episode has not ended; rewards after its end do not count."""
    memory: PyTree
    """[B, H] the policy's memory of the episodes; () if it has none."""


def evaluate(spec: Spec, params: Params, key: PRNGKey, num_episodes: int, greedy: bool) -> Array:
    """[num_episodes] undiscounted returns of fresh episodes, run side by side until the last has ended.

    An episode without an end counts as far as 100 000 steps.

    Args:
        spec: the training program.
        params: the policy's parameters.
        key: [] the key of the episodes.
        num_episodes: number of episodes.
        greedy: take the most probable actions rather than sample.
    """

    def go_on(carry: tuple[Episodes, Array]) -> Array:
        episodes, steps = carry
        return jnp.any(episodes.alive) & (steps < _LONGEST)

    def step(carry: tuple[Episodes, Array]) -> tuple[Episodes, Array]:
        episodes, steps = carry
        return _step(spec, params, greedy, episodes), steps + 1

    start = _start(spec, key, num_episodes), jnp.zeros((), jnp.int32)
    return jax.lax.while_loop(go_on, step, start)[0].returns


def record_episode(spec: Spec, params: Params, key: PRNGKey, max_steps: int, greedy: bool) -> tuple[Array, Array]:
    """Records one fresh episode.

    Returns:
        Observations ``[max_steps, O]``, and [] int32, the number of them that belong to the episode.
    """

    def step(episode: Episodes, _: None) -> tuple[Episodes, tuple[Array, Array]]:
        return _step(spec, params, greedy, episode), (episode.observation[0], episode.alive[0])

    _, (observations, alive) = jax.lax.scan(step, _start(spec, key, 1), None, max_steps)
    return observations, jnp.sum(alive)


def _start(spec: Spec, key: PRNGKey, num_episodes: int) -> Episodes:
    env, _ = actor_critic.build(spec)
    key, reset_key = jax.random.split(key)
    state, observation = env.reset(reset_key, env.params(spec.env.params), num_episodes)
    memory = networks.initial_memory(spec.network, (num_episodes,))
    return Episodes(key, state, observation, jnp.zeros(num_episodes), jnp.ones(num_episodes, bool), memory)


def _step(spec: Spec, params: Params, greedy: bool, episodes: Episodes) -> Episodes:
    env, agent = actor_critic.build(spec)
    key, act_key, env_key = jax.random.split(episodes.key, 3)
    policy, _, memory = agent.step(params, episodes.observation, episodes.memory)
    action = distributions.choose(agent.distribution, policy, None if greedy else act_key)
    state, timestep = env.step(env_key, episodes.env_state, action, env.params(spec.env.params))
    returns = episodes.returns + jnp.where(episodes.alive, timestep.reward, 0.0)
    alive = episodes.alive & ~(timestep.terminated | timestep.truncated)
    return Episodes(key, state, timestep.observation, returns, alive, memory)
