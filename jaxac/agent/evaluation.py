"""Evaluation: whole fresh episodes of a fixed policy."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxac.agent import actor_critic, distributions
from jaxac.spec import Spec
from jaxac.types import Array, Params, PRNGKey, PyTree


class Episodes(NamedTuple):
    """``B`` episodes side by side."""

    key: PRNGKey
    env_state: PyTree
    observation: Array
    """[B, O]"""
    returns: Array
    """[B] so far, undiscounted."""
    alive: Array
    """[B] bool: not ended yet; what follows the end does not count."""


def evaluate(spec: Spec, params: Params, key: PRNGKey, num_episodes: int, greedy: bool) -> Array:
    """[num_episodes] the undiscounted returns of as many episodes, run side by side until the last has ended."""
    start = _start(spec, key, num_episodes)
    step = functools.partial(_step, spec, params, greedy)
    return jax.lax.while_loop(lambda episodes: jnp.any(episodes.alive), step, start).returns


def record_episode(spec: Spec, params: Params, key: PRNGKey, max_steps: int, greedy: bool) -> tuple[Array, Array]:
    """One fresh episode: its observations ``[max_steps, O]`` and how many of them are of it."""

    def step(episode: Episodes, _: None) -> tuple[Episodes, tuple[Array, Array]]:
        return _step(spec, params, greedy, episode), (episode.observation[0], episode.alive[0])

    _, (observations, alive) = jax.lax.scan(step, _start(spec, key, 1), None, max_steps)
    return observations, jnp.sum(alive)


def _start(spec: Spec, key: PRNGKey, num_episodes: int) -> Episodes:
    env, _ = actor_critic.build(spec)
    key, reset_key = jax.random.split(key)
    state, observation = env.reset(reset_key, env.params(spec.env.params), num_episodes)
    return Episodes(key, state, observation, jnp.zeros(num_episodes), jnp.ones(num_episodes, bool))


def _step(spec: Spec, params: Params, greedy: bool, episodes: Episodes) -> Episodes:
    env, agent = actor_critic.build(spec)
    key, act_key, env_key = jax.random.split(episodes.key, 3)
    logits = agent.policy(params, episodes.observation)
    action = distributions.mode(logits) if greedy else distributions.sample(act_key, logits)
    state, timestep = env.step(env_key, episodes.env_state, action, env.params(spec.env.params))
    returns = episodes.returns + jnp.where(episodes.alive, timestep.reward, 0.0)
    alive = episodes.alive & ~(timestep.terminated | timestep.truncated)
    return Episodes(key, state, timestep.observation, returns, alive)
