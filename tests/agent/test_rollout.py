import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxac.agent import actor_critic, rollout


def unroll(spec, seed=0):
    env, agent = actor_critic.build(spec)
    actor_key, params_key = jax.random.split(jax.random.key(seed))
    actor = rollout.init(spec, env, actor_key, spec.env.num_envs)
    params = agent.init(params_key)
    return actor, *jax.jit(functools.partial(rollout.unroll, spec, env, agent))(params, actor)


def test_an_episode_goes_on_in_the_next_row(small_spec):
    """Where no episode ended, the next observation is the final observation; where one did, it is a fresh one."""
    _, actor, transitions, _ = unroll(small_spec("algo.unroll_length=64"))
    following = jnp.concatenate([transitions.observation[1:], actor.observation[None]])
    same = (following == transitions.final_observation).all(-1)
    np.testing.assert_array_equal(same, ~transitions.done)
    assert transitions.done.any()


def test_termination_and_truncation_differ(small_spec):
    spec = small_spec("++env.params.max_steps_in_episode=20", "algo.unroll_length=64")
    _, _, transitions, _ = unroll(spec)
    truncated = transitions.done & (transitions.discount == 1)
    outside = jnp.abs(transitions.final_observation[..., 2]) > 0.2094395
    assert truncated.any() and outside.any()
    np.testing.assert_array_equal(transitions.discount == 0, outside)


def test_episode_sums_count_raw_rewards(small_spec):
    spec = small_spec("env.reward_scale=0.5", "algo.unroll_length=64", "env.stagger_starts=false")
    _, actor, transitions, episodes = unroll(spec)
    assert episodes.ended == transitions.done.sum()
    running = actor.episode_length.sum()
    assert episodes.length_sum == 64 * 8 - running
    assert episodes.return_sum == episodes.length_sum  # CartPole pays 1 a step
    np.testing.assert_array_equal(transitions.reward, 0.5)


def test_staggered_clocks_spread_below_the_limit(small_spec):
    actor, *_ = unroll(small_spec("env.num_envs=512"))
    time = np.asarray(actor.env_state.time)
    assert 0 <= time.min() < 50
    assert 450 < time.max() < 500


def test_monte_carlo_counts_the_first_whole_episode_only(small_spec):
    spec = small_spec("algo.returns=monte_carlo", "++env.params.max_steps_in_episode=20", "algo.unroll_length=20")
    _, _, transitions, _ = unroll(spec)
    weight, done = np.asarray(transitions.weight), np.asarray(transitions.done)
    for b in range(weight.shape[1]):
        length = int(np.argmax(done[:, b])) + 1
        np.testing.assert_array_equal(weight[:, b], np.arange(20) < length)


@pytest.mark.parametrize("clip, expected", [("null", 2.0), ("0.5", 0.25)])
def test_rewards_are_clipped_then_scaled(small_spec, clip, expected):
    spec = small_spec(f"env.reward_clip={clip}", "env.reward_scale=0.5")
    assert rollout.learner_reward(spec, jnp.float32(4.0)) == expected


def test_keys_are_used_once(small_spec):
    with jax.debug_key_reuse(True):
        unroll(small_spec())
        unroll(small_spec("algo.returns=monte_carlo", "++env.params.max_steps_in_episode=4"))


def test_each_step_of_each_environment_draws_for_itself(small_spec):
    _, _, transitions, _ = unroll(small_spec("env.name=tests.probe_envs:NoisyReward", "env.stagger_starts=false"))
    assert len(np.unique(transitions.reward)) == transitions.reward.size == 4 * 8
