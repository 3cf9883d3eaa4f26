import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxac.agent import actor_critic, normalization, rollout


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


def test_staggered_limits_spread_and_the_environment_does_not_know(small_spec):
    actor, *_ = unroll(small_spec("env.num_envs=512"))
    assert 0 <= actor.episode_length.min() < 50
    assert 450 < actor.episode_length.max() < 500
    np.testing.assert_array_equal(actor.env_state.time, 0)


def test_a_staggered_episode_is_truncated_early_and_not_counted(small_spec):
    """Episodes of 10 steps, of which the first of each environment is shorter by its head start."""
    spec = small_spec("env.name=tests.probe_envs:Endless", "algo.unroll_length=25", "env.num_envs=32")
    actor, after, transitions, episodes = unroll(spec)
    step, head_start = np.arange(1, 26)[:, None], np.asarray(actor.episode_length)
    np.testing.assert_array_equal(transitions.done, (step + head_start) % 10 == 0)
    np.testing.assert_array_equal(transitions.discount, 1)
    ended, cut = np.asarray(transitions.done).sum(0), head_start > 0
    assert cut.any() and episodes.ended == (ended - cut).sum()
    assert episodes.length_sum == 10 * episodes.ended == episodes.return_sum
    np.testing.assert_array_equal(after.counted, 1)


@pytest.mark.parametrize("name, steps", [("MemoryChain-bsuite", 6), ("UmbrellaChain-bsuite", 10)])
def test_episodes_whose_end_the_clock_decides_have_their_length(small_spec, name, steps):
    _, _, _, episodes = unroll(small_spec(f"env.name={name}", "algo.unroll_length=25", "env.num_envs=64"))
    _, _, _, whole = unroll(
        small_spec(f"env.name={name}", "algo.unroll_length=25", "env.num_envs=64", "env.stagger_starts=false")
    )
    assert episodes.length_sum == steps * episodes.ended
    assert whole.length_sum == steps * whole.ended > 0


def test_an_environment_without_a_time_limit_is_not_staggered(small_spec):
    actor, *_ = unroll(small_spec("env.name=tests.probe_envs:Unlimited"))
    np.testing.assert_array_equal(actor.episode_length, 0)


def test_monte_carlo_counts_the_first_whole_episode_only(small_spec):
    spec = small_spec("algo.returns=monte_carlo", "++env.params.max_steps_in_episode=20", "algo.unroll_length=20")
    _, _, transitions, episodes = unroll(spec)
    weight, done = np.asarray(transitions.weight), np.asarray(transitions.done)
    lengths = np.argmax(done, axis=0) + 1
    np.testing.assert_array_equal(weight, np.arange(20)[:, None] < lengths)
    assert (episodes.ended, episodes.length_sum) == (len(lengths), lengths.sum())


def test_monte_carlo_is_whole_episodes_though_starts_are_staggered(small_spec):
    overrides = "env.name=tests.probe_envs:Endless", "algo.returns=monte_carlo", "algo.unroll_length=15"
    _, _, transitions, episodes = unroll(small_spec(*overrides, "++env.params.max_steps_in_episode=10"))
    np.testing.assert_array_equal(transitions.weight.sum(0), 10)
    assert episodes.length_sum == 10 * episodes.ended == 80


@pytest.mark.parametrize("clip, expected", [("null", 2.0), ("0.5", 0.25)])
def test_rewards_are_clipped_then_scaled(small_spec, clip, expected):
    spec = small_spec(f"env.reward_clip={clip}", "env.reward_scale=0.5")
    assert rollout.learner_reward(spec, jnp.float32(4.0)) == expected


def test_discounted_returns_are_those_of_episodes_and_go_on_in_the_next_unroll(small_spec):
    """Against the sum over all earlier steps of the episode, with ends in the middle of both unrolls."""
    chosen = "env.name=Pendulum-v1", "algo.unroll_length=12", "algo.discount=0.9", "++env.params.max_steps_in_episode=7"
    spec = small_spec(*chosen)
    env, agent = actor_critic.build(spec)
    params = agent.init(jax.random.key(1))
    params = params._replace(moments=params.moments._replace(returns=normalization.of_batch(jnp.arange(9.0)[:, None])))
    actor = rollout.init(spec, env, jax.random.key(0), 8)
    run = jax.jit(functools.partial(rollout.unroll, spec, env, agent, params))
    parts = []
    for _ in range(2):
        actor, transitions, _ = run(actor)
        parts.append(transitions)
    seen = jax.tree.map(lambda *each: np.concatenate(each), *parts)
    std = np.sqrt(np.arange(9.0).var())
    assert np.abs(seen.reward).max() < 10  # no reward is clipped here, so each can be had back
    raw = seen.reward * std
    for env_index in range(8):
        begin = 0
        for t in range(24):
            expected = sum(0.9 ** (t - earlier) * raw[earlier, env_index] for earlier in range(begin, t + 1))
            np.testing.assert_allclose(seen.discounted_return[t, env_index], expected, rtol=1e-4)
            begin = t + 1 if seen.done[t, env_index] else begin
    assert seen.done.sum() > 8
    np.testing.assert_allclose(actor.discounted_return, np.where(seen.done[-1], 0, seen.discounted_return[-1]))


def test_rewards_that_are_not_normalized_cost_nothing(small_spec):
    actor, after, transitions, _ = unroll(small_spec())
    assert actor.discounted_return is after.discounted_return is transitions.discounted_return is None


def test_keys_are_used_once(small_spec):
    with jax.debug_key_reuse(True):
        unroll(small_spec())
        unroll(small_spec("algo.returns=monte_carlo", "++env.params.max_steps_in_episode=4"))


def test_each_step_of_each_environment_draws_for_itself(small_spec):
    _, _, transitions, _ = unroll(small_spec("env.name=tests.probe_envs:NoisyReward", "env.stagger_starts=false"))
    assert len(np.unique(transitions.reward)) == transitions.reward.size == 4 * 8
