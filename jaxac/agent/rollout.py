"""Acting: one step, and an unroll of ``T`` steps."""

import functools
from typing import Any

import jax
import jax.numpy as jnp

from jaxac import envs
from jaxac.agent import cells, networks, normalization
from jaxac.agent.actor_critic import Agent
from jaxac.agent.distributions import Distribution
from jaxac.envs import Env
from jaxac.spec import Spec
from jaxac.types import ActorState, Array, Draws, Episodes, Params, PRNGKey, PyTree, Transition


def init(spec: Spec, env: Env, key: PRNGKey, num_envs: int) -> ActorState:
    """``B = num_envs`` fresh episodes, whose time limits are staggered if ``env.stagger_starts`` says so."""
    key, reset_key, stagger_key = jax.random.split(key, 3)
    state, observation = env.reset(reset_key, env.params(spec.env.params), num_envs)
    limit, length = _staggered_limit(spec, env), jnp.zeros(num_envs, jnp.int32)
    if limit is not None:
        length = jnp.floor(jax.random.uniform(stagger_key, (num_envs,)) * limit).astype(jnp.int32)
    counted = (length == 0).astype(jnp.float32)
    discounted = jnp.zeros(num_envs) if spec.algo.normalize_rewards else None
    memory = networks.initial_memory(spec.network, (num_envs,))
    return ActorState(key, state, observation, jnp.zeros(num_envs), length, counted, discounted, memory)


def _staggered_limit(spec: Spec, env: Env) -> Any:
    """[] the time limit that first episodes have a head start to, so that it does not cut all in the same step.

    None if there is no such limit. Episodes of Monte Carlo start afresh in every unroll and must be whole.
    """
    if not spec.env.stagger_starts or _whole_episodes(spec):
        return None
    return env.time_limit(env.params(spec.env.params))


def _whole_episodes(spec: Spec) -> bool:
    return spec.algo.returns == "monte_carlo"


def draw(spec: Spec, env: Env, distribution: Distribution, actor: ActorState) -> tuple[ActorState, Draws]:
    """Draws the random numbers of an unroll.

    All of them are drawn before the first step: within a step XLA would draw them again for every value made of them.

    Returns:
        The actor with its next key, and the draws ``[T, ...]``.
    """
    num_envs, params = actor.episode_return.shape[0], env.params(spec.env.params)
    key, act_key, env_key, reset_key = jax.random.split(actor.key, 4)
    length = spec.algo.unroll_length
    start = envs.starts(env, jax.random.split(reset_key, length), params, num_envs)
    noise = distribution.noise(act_key, (length, num_envs))
    bits = jax.random.key_data(jax.random.split(env_key, length))  # keys that are mapped and scanned pass for reused
    return actor._replace(key=key), Draws(noise, bits, start)


def step(
    spec: Spec, env: Env, agent: Agent, params: Params, actor: ActorState, draws: Draws
) -> tuple[ActorState, tuple[Transition, Episodes]]:
    """One step of every environment; the actor's key stays the same.

    Args:
        spec: the training program.
        env: the environment.
        agent: the agent.
        params: the parameters to act with.
        actor: the environments before the step.
        draws: the random numbers of this step, ``[B]``.

    Returns:
        The environments after the step, and a transition ``[B]`` with the sums over the episodes that ended.
    """
    env_key = None if draws.key is None else jax.random.wrap_key_data(draws.key, impl=jax.random.key_impl(actor.key))
    env_params = env.params(spec.env.params)
    policy, _, memory = agent.step(params, actor.observation, actor.memory)
    action = agent.distribution.sample(draws.noise, policy)
    bounded = agent.distribution.bounded(action)
    stepped, timestep = env.step(env_key, actor.env_state, bounded, env_params)
    reward = learner_reward(spec, timestep.reward)
    ran = _a_step_on(spec, actor, timestep.reward, reward)
    done = timestep.terminated | timestep.truncated | _cut_early(spec, env, ran)
    env_state, observation = envs.restart(env, done, draws.start, (stepped, timestep.observation), env_params)
    transition = Transition(
        observation=actor.observation,
        action=action,
        reward=normalization.scale_reward(params.moments, reward),
        discount=1.0 - timestep.terminated,
        done=done,
        final_observation=timestep.observation,
        weight=actor.counted if _whole_episodes(spec) else jnp.ones_like(timestep.reward),
        discounted_return=ran.discounted_return,
    )
    memory = cells.forget(done, memory)
    after = _from_zero(spec, done, ran)._replace(env_state=env_state, observation=observation, memory=memory)
    return after, (transition, _sums(done * actor.counted, ran))


def _a_step_on(spec: Spec, actor: ActorState, reward: Array, learned: Array) -> ActorState:
    """The actor with counts that have a step's ``reward [B]``, and what is ``learned [B]`` from it, in them."""
    discounted = actor.discounted_return
    return actor._replace(
        episode_return=actor.episode_return + reward,
        episode_length=actor.episode_length + 1,
        discounted_return=None if discounted is None else spec.algo.discount * discounted + learned,
    )


def _cut_early(spec: Spec, env: Env, actor: ActorState) -> Array | bool:
    """[B] bool: the episode reaches the time limit, to which it may have had a head start."""
    limit = _staggered_limit(spec, env)
    return False if limit is None else actor.episode_length >= limit


def _from_zero(spec: Spec, done: Array, actor: ActorState) -> ActorState:
    """The actor with counts that start again where an episode is ``done [B]``."""
    discounted = actor.discounted_return
    return actor._replace(
        episode_return=jnp.where(done, 0.0, actor.episode_return),
        episode_length=jnp.where(done, 0, actor.episode_length),
        counted=jnp.where(done, 0.0 if _whole_episodes(spec) else 1.0, actor.counted),
        discounted_return=None if discounted is None else jnp.where(done, 0.0, discounted),
    )


def _sums(ended: Array, actor: ActorState) -> Episodes:
    """Sums over the episodes for which ``ended [B]`` is 1 rather than 0."""
    return Episodes(
        ended=jnp.sum(ended),
        return_sum=jnp.sum(jnp.where(ended > 0, actor.episode_return, 0.0)),
        length_sum=jnp.sum(jnp.where(ended > 0, actor.episode_length, 0), dtype=jnp.float32),
    )


def learner_reward(spec: Spec, reward: Array) -> Array:
    """[...] ``reward [...]`` clipped to ±``env.reward_clip``, then scaled; what normalization begins with."""
    if spec.env.reward_clip is not None:
        reward = jnp.clip(reward, -spec.env.reward_clip, spec.env.reward_clip)
    return reward * spec.env.reward_scale


def first_memory(spec: Spec, actor: ActorState) -> PyTree:
    """[B, H] the memory with which an unroll of ``actor`` starts: none of its own where it begins fresh episodes."""
    if _whole_episodes(spec):
        return networks.initial_memory(spec.network, actor.episode_return.shape)
    return actor.memory


def unroll(
    spec: Spec, env: Env, agent: Agent, params: Params, actor: ActorState
) -> tuple[ActorState, Transition, Episodes]:
    """``T = algo.unroll_length`` steps of every environment.

    With ``algo.returns=monte_carlo`` the unroll starts fresh episodes, and only the first of each environment counts,
    so that every return used for learning belongs to a whole episode.

    Returns:
        The environments after the unroll, transitions ``[T, B]``, and sums over the episodes that ended.
    """
    if _whole_episodes(spec):
        actor = init(spec, env, actor.key, actor.observation.shape[0])

    actor, draws = draw(spec, env, agent.distribution, actor)
    actor, (transitions, episodes) = jax.lax.scan(functools.partial(step, spec, env, agent, params), actor, draws)
    return actor, transitions, jax.tree.map(functools.partial(jnp.sum, axis=0), episodes)
