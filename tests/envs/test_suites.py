"""Environments of other suites; those of a suite that is not installed are skipped."""

import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxac import envs
from jaxac import spec as spec_module
from jaxac.algos import ALGOS
from jaxac.config import suites
from jaxac.config.compose import make_config
from jaxac.errors import ConfigError
from jaxac.programs.chunk import run_chunk


@pytest.fixture(autouse=True)
def ranks():
    """The suites' own code relies on promotion of ranks."""
    with jax.numpy_rank_promotion("allow"):
        yield


@pytest.fixture(params=suites.SUITES)
def suite(request):
    """A suite's name, if it is installed."""
    pytest.importorskip(suites.SUITES[request.param].package)
    return request.param


def example(suite):
    return f"{suite}::{suites.SUITES[suite].example}"


def play(name, actions, change=lambda state: state, **params):
    """The time steps ``[T, B]`` of episodes that nobody starts afresh, and ``[T, B]`` True up to the first end.

    Args:
        name: the environment.
        actions: [T, B] or [T, B, N] the actions.
        change: changes the first states.
        params: parameters of the environment.
    """
    env = envs.make(name)
    params = env.params(params)

    def step(state, inputs):
        return env.step(*inputs[:1], state, inputs[1], params)

    def episodes(key):
        state, _ = env.reset(key, params, actions.shape[1])
        return jax.lax.scan(step, change(state), (jax.random.split(key, len(actions)), actions))[1]

    steps = jax.tree.map(np.asarray, jax.jit(episodes)(jax.random.key(0)))
    assert not (steps.terminated & steps.truncated).any()
    done = steps.terminated | steps.truncated
    return steps, np.cumsum(done, 0) - done == 0


def choices(number, steps, rows=8):
    return jax.random.randint(jax.random.key(7), (steps, rows), 0, number)


def numbers(size, steps, rows=8):
    return jax.random.uniform(jax.random.key(7), (steps, rows, size), minval=-1.0)


def test_an_example_trains(suite):
    """One update and one evaluation, type-checked as a whole by tracing."""
    config = make_config(
        "+algo=a2c", f"env.name={example(suite)}", "env.num_envs=4", "algo.unroll_length=3", "total_env_steps=24"
    )
    spec, algo = spec_module.make(config), ALGOS["a2c"]
    state = jax.eval_shape(algo.init, spec, jax.random.key(0))
    after, report = jax.eval_shape(lambda spec, state: run_chunk(algo, spec, state, 2), spec, state)
    assert [(x.shape, x.dtype) for x in jax.tree.leaves(after)] == [(x.shape, x.dtype) for x in jax.tree.leaves(state)]
    assert report.finite.shape == ()


def test_a_wrong_name_is_told_the_near_ones(suite):
    with pytest.raises(ConfigError, match=rf"is not an environment of {suite}; did you mean .*{example(suite)}.*\?$"):
        envs.make(example(suite)[:-1])
    names = importlib.import_module(f"jaxac.envs.suites.{suite}").names()
    with pytest.raises(ConfigError, match=f"the names are: {names[0]}, "):
        envs.make(f"{suite}::")


def test_an_environment_is_made_once(suite):
    assert envs.make(example(suite)) is envs.make(example(suite))


def test_the_limit_is_a_number_that_can_be_changed(suite):
    env = envs.make(example(suite))
    assert env.time_limit(env.params({})) > 5
    assert env.time_limit(env.params({"max_steps_in_episode": 5})) == 5
    with pytest.raises(ConfigError, match=r"it has: max_steps_in_episode\.$"):
        env.params({"gravity": 3})


def test_jumanji_terminates_where_a_move_is_not_possible_and_truncates_at_the_limit():
    """The suite's own Snake calls its limit a termination; which moves are possible its mask says."""
    jumanji = pytest.importorskip("jumanji")
    own, actions = jumanji.make("Snake-v1", time_limit=6), choices(4, 12)

    def episode(key, actions):
        def step(carry, action):
            state, before = carry
            state, timestep = own.step(state, action)
            return (state, timestep.observation), (timestep.last(), before.action_mask[action])

        state, timestep = own.reset(key)
        return jax.lax.scan(step, (state, timestep.observation), actions)[1]

    keys = jax.random.split(jax.random.key(0), actions.shape[1])
    ended, possible = map(np.asarray, jax.jit(jax.vmap(episode, (0, 1), 1))(keys, actions))
    steps, running = play("jumanji::Snake-v1", actions, max_steps_in_episode=6)
    np.testing.assert_array_equal((steps.terminated | steps.truncated)[running], ended[running])
    np.testing.assert_array_equal(steps.terminated[running], ~possible[running])
    assert steps.terminated[running].any() and steps.truncated[running].any()


def test_jumanji_observes_every_field_and_the_mask():
    jumanji = pytest.importorskip("jumanji")
    from jaxac.envs.suites.jumanji import observe

    env = jumanji.make("Snake-v1")
    observation = jax.eval_shape(env.reset, jax.random.key(0))[1].observation
    filled = jax.tree.map(lambda x: jnp.full(x.shape, 1, x.dtype), observation)
    filled = filled._replace(action_mask=jnp.array([True, False, True, False]), step_count=jnp.int32(9))
    (size,) = envs.make("jumanji::Snake-v1").observation_shape
    assert observe(filled).shape == (size,) == (12 * 12 * 5 + 1 + 4,)
    np.testing.assert_array_equal(observe(filled)[-5:], [9, 1, 0, 1, 0])


def test_jumanji_of_several_choices_is_refused():
    pytest.importorskip("jumanji")
    with pytest.raises(ConfigError, match=r"^env.name=jumanji::Minesweeper-v0 takes several choices"):
        envs.make("jumanji::Minesweeper-v0")


def test_xminigrid_terminates_at_the_goal_and_truncates_at_the_limit():
    """Walking ahead and turning right reaches the goal, in the far corner of an empty room, after five moves."""
    pytest.importorskip("xminigrid")
    ahead, right = 0, 1
    way = jnp.array([ahead, ahead, right, ahead, ahead, ahead])
    waiting = jnp.full(6, 5)  # toggles nothing
    steps, running = play("xminigrid::MiniGrid-Empty-5x5", jnp.stack([way, waiting], 1), max_steps_in_episode=6)
    np.testing.assert_array_equal(steps.terminated[:, 0], np.arange(1, 7) >= 5)  # nobody takes it away
    np.testing.assert_array_equal(steps.truncated[:, 1], np.arange(1, 7) == 6)
    assert running.sum(0).tolist() == [5, 6]
    np.testing.assert_allclose(steps.reward.sum(0, where=running), [1 - 0.9 * 5 / 6, 0])


def test_craftax_terminates_the_dead_and_truncates_the_living():
    """Some players have no health from the start on; the suite itself tells one end for both."""
    pytest.importorskip("craftax")

    def hurt(state):
        return state[0].replace(player_health=jnp.array([9, 0, 9])), state[1]

    name, nothing = "craftax::Craftax-Classic-Symbolic-v1", jnp.zeros((6, 3), jnp.int32)
    steps, running = play(name, nothing, hurt, max_steps_in_episode=5)
    assert running.sum(0).tolist() == [5, 1, 5]
    np.testing.assert_array_equal((steps.terminated & running).sum(0), [0, 1, 0])
    np.testing.assert_array_equal((steps.truncated & running).sum(0), [1, 0, 1])


def assert_ends_as_wrapped(env, name, actions):
    """Compares with what brax's own wrapper, which knows of truncation, says of the same episodes.

    Args:
        env: the suite's own environment.
        name: the same, ours.
        actions: [T, B, N].
    """
    from brax.envs.wrappers.training import EpisodeWrapper

    wrapped = EpisodeWrapper(env, episode_length=8, action_repeat=1)

    def episode(key, actions):
        def step(state, action):
            state = wrapped.step(state, action)
            return state, (state.done, state.info["truncation"])

        return jax.lax.scan(step, wrapped.reset(key), actions)[1]

    keys = jax.random.split(jax.random.key(0), actions.shape[1])
    done, truncated = map(np.asarray, jax.jit(jax.vmap(episode, (0, 1), 1))(keys, actions))
    steps, running = play(name, actions, max_steps_in_episode=8)
    np.testing.assert_array_equal((steps.terminated | steps.truncated)[running], done[running])
    np.testing.assert_array_equal(steps.truncated[running], truncated[running])
    assert steps.truncated[running].any()
    return steps.terminated[running]


def test_brax_ends_as_its_own_wrapper_says():
    pytest.importorskip("brax")
    from brax.envs import get_environment

    falls = jnp.concatenate([numbers(1, 9), jnp.ones((9, 2, 1))], 1)
    terminated = assert_ends_as_wrapped(get_environment("inverted_pendulum"), "brax::inverted_pendulum", falls)
    assert terminated.any()


def test_playground_ends_as_its_own_wrapper_says():
    """Nothing terminates in the Control Suite's cart-pole, so an episode is given an end."""
    pytest.importorskip("mujoco_playground")
    from mujoco_playground import registry

    own = registry.load("CartpoleBalance", config_overrides={"impl": "jax"})
    assert not assert_ends_as_wrapped(own, "playground::CartpoleBalance", numbers(1, 9, 2)).any()


def test_playground_never_downloads(monkeypatch, tmp_path):
    pytest.importorskip("mujoco_playground")
    from mujoco_playground._src import mjx_env

    monkeypatch.setattr(mjx_env, "MENAGERIE_PATH", tmp_path / "nowhere")
    with pytest.raises(ConfigError, match=r"^env.name=playground::Go1Getup needs models of robots that are not there"):
        envs.make("playground::Go1Getup")


def test_continuous_actions_are_of_numbers_within_bounds():
    pytest.importorskip("brax")
    env = envs.make("brax::reacher")
    assert env.actions == envs.Box((True, True))
    np.testing.assert_array_equal(env.own_action(jnp.array([-1.0, 0.3]), env.params({})), [-1.0, np.float32(0.3)])
