"""Episodes that start by need are those that are drawn ahead, bit for bit."""

import functools

import jax
import numpy as np
import pytest

from jaxac import envs
from jaxac.agent import actor_critic, rollout
from jaxac.algos import ALGOS
from jaxac.devices import threefry
from jaxac.envs import base
from jaxac.programs.chunk import run_chunk


def unroll(spec, env, agent, seed):
    actor_key, params_key = jax.random.split(jax.random.key(seed))
    actor = rollout.init(spec, env, actor_key, spec.env.num_envs)
    return rollout.unroll(spec, env, agent, agent.init(params_key), actor)


@pytest.fixture
def both(small_spec):
    """``both(*overrides)``: an unroll with starts drawn ahead, and with starts by need, as functions of a seed."""

    def make(*overrides):
        spec = small_spec("env.num_envs=37", "algo.unroll_length=40", *overrides)
        env, agent = actor_critic.build(spec)
        by_need = env._replace(starts_ahead=False)
        return [jax.jit(functools.partial(unroll, spec, env, agent)) for env in (env, by_need)]

    return make


def assert_same(a, b):
    numbers = [jax.tree.map(_bits, tree) for tree in (a, b)]
    jax.tree.map(np.testing.assert_array_equal, *numbers)


def _bits(x):
    return jax.random.key_data(x) if jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key) else x


@pytest.mark.parametrize(
    "name", ["Catch-bsuite", pytest.param("FrozenLake-misc", marks=pytest.mark.slow), "tests.own_parts:KeyInState"]
)
def test_by_need_is_ahead(both, name):
    """States, transitions and sums over episodes; with 37 environments no batch is full to the last.

    Of environments without arithmetic that two programs may round in two ways.
    """
    ahead, by_need = (run(0) for run in both(f"env.name={name}"))
    assert ahead[1].done.sum() > 37
    assert_same(ahead, by_need)


def test_by_need_is_ahead_when_all_episodes_end_in_one_step(both):
    ahead, by_need = (run(0) for run in both("env.name=tests.probe_envs:Endless", "env.stagger_starts=false"))
    np.testing.assert_array_equal(by_need[1].done.sum(1), 37 * (np.arange(1, 41) % 10 == 0))
    assert_same(ahead, by_need)


@pytest.mark.parametrize("name", ["CartPole-v1", "Acrobot-v1", "Pendulum-v1"])
def test_the_start_of_a_step_and_a_row_is_the_same_either_way(name):
    env = envs.make(name)
    params, keys = env.params({}), jax.random.split(jax.random.key(0), 3)
    done = jax.random.bernoulli(jax.random.key(1), 0.4, (37,))
    stepped = env.reset(jax.random.key(2), params, 37)
    ways = env, env._replace(starts_ahead=False)
    restarted = [
        base.restart(way, done, jax.tree.map(lambda x: x[2], base.starts(way, keys, params, 37)), stepped, params)
        for way in ways
    ]
    assert_same(*restarted)


def test_lanes_start_episodes_as_single_runs_do(both):
    _, by_need = both()
    lanes = jax.jit(jax.vmap(by_need))(np.arange(3))
    for lane in range(3):
        assert_same(jax.tree.map(lambda x, lane=lane: x[lane], lanes), by_need(lane))


@pytest.mark.slow
@pytest.mark.parametrize("overrides", [("+algo=a2c",), ("+algo=a3c", "algo.num_shards=2")], ids=["a2c", "a3c"])
def test_training_is_the_same_either_way(small_spec, overrides):
    def train(name):
        spec = small_spec(*overrides, f"env.name=tests.probe_envs:{name}", "algo.unroll_length=12")
        algo = ALGOS[spec.algo.name]
        return jax.jit(functools.partial(run_chunk, algo))(spec, algo.init(spec, threefry.key(0)), 3)

    (ahead, report), (by_need, again) = map(train, ("Endless", "EndlessByNeed"))
    assert report.episodes.ended > 0
    assert_same((ahead, report), (by_need, again))


def test_only_what_begins_is_made(small_spec, monkeypatch):
    """The loop takes as many batches as it needs: none for no episode, one for one, seven for 37 of 37 in sixes."""
    env = envs.make("CartPole-v1")._replace(starts_ahead=False)
    params, made = env.params({}), []

    def begin(key, params):
        jax.debug.callback(lambda: made.append(1), ordered=True)
        return env.begin(key, params)

    key = jax.random.split(jax.random.key(0), 1)
    counting = env._replace(begin=begin)
    (start,) = base.starts(counting, key, params, 37)
    stepped = env.reset(jax.random.key(1), params, 37)
    for ended, batches in ((0, 0), (1, 1), (37, 7)):
        made.clear()
        done = np.arange(37) < ended
        state, _ = base.restart(counting, jax.numpy.asarray(done), start, stepped, params)
        jax.effects_barrier()
        assert len(made) == batches
        np.testing.assert_array_equal((state.x != stepped[0].x), done)
