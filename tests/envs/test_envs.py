import subprocess
import sys

import gymnax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxac import envs
from jaxac import spec as spec_module
from jaxac.algos import ALGOS
from jaxac.config import catalog
from jaxac.config.compose import make_config
from jaxac.programs.chunk import run_chunk


def test_the_catalog_agrees_with_gymnax():
    assert catalog._TABLE.read_text() == catalog.generate()


def test_a_step_is_gymnax_own_inside_an_episode():
    env, reference = envs.make("CartPole-v1"), gymnax.make("CartPole-v1")[0]
    params = env.params({})
    state, _ = env.reset(jax.random.key(0), params, 4)
    action = jnp.array([0, 1, 0, 1])
    _, timestep = env.step(jax.random.key(1), state, action, params)
    for b in range(4):
        alone = jax.tree.map(lambda x, b=b: x[b], state)
        observation, _, reward, terminated, _ = reference.step_env(jax.random.key(2), alone, action[b], params)
        np.testing.assert_allclose(timestep.observation[b], observation, rtol=1e-6)
        assert timestep.reward[b] == reward
        assert timestep.terminated[b] == terminated


def test_both_flags_at_once_is_a_termination():
    """DeepSea ends by its own rules in the very step that its time limit is reached."""
    env = envs.make("DeepSea-bsuite")
    params = env.params({})
    state, _ = env.reset(jax.random.key(0), params, 4)
    for step in range(8):
        state, timestep = env.step(jax.random.key(step), state, jnp.zeros(4, jnp.int32), params)
    assert timestep.terminated.all()
    assert not timestep.truncated.any()


def test_every_episode_starts_differently():
    _, observation = envs.make("CartPole-v1").reset(jax.random.key(0), envs.make("CartPole-v1").params({}), 100)
    assert len(np.unique(np.asarray(observation), axis=0)) == 100


ONE_OF_EACH = ("MountainCarContinuous-v0", "UmbrellaChain-bsuite", "Breakout-MinAtar", "Swimmer-misc")


@pytest.mark.parametrize(
    "name",
    [name if name in ONE_OF_EACH else pytest.param(name, marks=pytest.mark.slow) for name in catalog.supported()],
)
def test_every_supported_environment_trains(name):
    """One update and one evaluation, type-checked as a whole by tracing; run for those that compile quickly."""
    config = make_config(
        "+algo=a2c", f"env.name={name}", "env.num_envs=4", "algo.unroll_length=3", "total_env_steps=24"
    )
    spec, algo = spec_module.make(config), ALGOS["a2c"]
    with jax.numpy_rank_promotion("allow" if name == "Swimmer-misc" else "raise"):  # whose own code relies on it
        state = jax.eval_shape(algo.init, spec, jax.random.key(0))
        after, report = jax.eval_shape(lambda spec, state: run_chunk(algo, spec, state, 2), spec, state)
    assert jax.tree.map(lambda x: (x.shape, x.dtype), after) == jax.tree.map(lambda x: (x.shape, x.dtype), state)
    assert report.finite.shape == ()


@pytest.mark.learns
@pytest.mark.parametrize("name", ["Acrobot-v1", "Catch-bsuite", "DeepSea-bsuite", "FrozenLake-misc", "FourRooms-misc"])
def test_these_train_for_real(name):
    config = make_config(
        "+algo=a2c", f"env.name={name}", "env.num_envs=4", "algo.unroll_length=3", "total_env_steps=24"
    )
    spec, algo = spec_module.make(config), ALGOS["a2c"]
    _, report = jax.jit(lambda spec, state: run_chunk(algo, spec, state, 2))(spec, algo.init(spec, jax.random.key(0)))
    assert report.finite


def test_gymnax_itself_stays_unimported_and_importable():
    """Importing all of it takes seconds; it must still be there for those who want it, with the same classes."""
    code = """
import sys
from jaxac import envs
envs.make("CartPole-v1")
assert "gymnax" not in sys.modules and "seaborn" not in sys.modules
module = sys.modules["gymnax.environments.classic_control.cartpole"]
import subprocess
import sys

import gymnax
assert type(gymnax.make("CartPole-v1")[0]) is module.CartPole
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_environment_of_ones_own():
    assert envs.make("tests.probe_envs:Endless").actions.number == 2
