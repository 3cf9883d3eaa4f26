"""Every skeleton trains, with the command that it begins with and small sizes."""

import ast
import functools
import shlex
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxac import envs
from jaxac import spec as spec_module
from jaxac.algos import optimizers
from jaxac.config.compose import make_config
from jaxac.storage import run_directory
from tests.processes import CACHE
from tests.whole_runs import final_state, runs_in, summary

FOLDER = Path(__file__).parents[2] / "docs" / "skeletons"
SKELETONS = sorted(path.stem for path in FOLDER.glob("*.py"))
SMALL = ("env.num_envs=8", "algo.unroll_length=8", "total_env_steps=640", "evaluation.episodes=8")
QUIET = (CACHE, "logger.curve=false", "logger.gif=false", "logger.console=false")
START = "python -m jaxac.train "


def command(name):
    """The overrides of the command at the top of a skeleton."""
    told = ast.get_docstring(ast.parse((FOLDER / f"{name}.py").read_text()))
    (line,) = [line for line in told.splitlines() if line.startswith(START)]
    return shlex.split(line.removeprefix(START))


@pytest.fixture(scope="module", autouse=True)
def started_there():
    """As if Python had been started where the skeletons lie."""
    sys.path.insert(0, str(FOLDER))
    yield
    sys.path.remove(str(FOLDER))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """``trained(name)``: the directory of a run of a skeleton, trained once."""
    return functools.cache(
        lambda name: runs_in(tmp_path_factory.mktemp("runs"), make_config, *SMALL, *QUIET)(*command(name), at=name)
    )


def test_there_is_one_for_every_part():
    assert SKELETONS == [
        "own_environment",
        "own_loss_term",
        "own_network",
        "own_optimizer",
        "own_partial_environment",
    ]


@pytest.mark.parametrize("name", SKELETONS)
def test_it_is_short_enough_to_be_copied(name):
    assert len((FOLDER / f"{name}.py").read_text().splitlines()) <= 40


@pytest.mark.parametrize(
    "name", [name if name == "own_network" else pytest.param(name, marks=pytest.mark.slow) for name in SKELETONS]
)
def test_its_command_trains_with_it(trained, name):
    assert any(path.startswith(f"{name}:") for path in make_config(*command(name)).own_parts.values())
    found, rows = summary(trained(name)), run_directory.rows(trained(name))
    assert (found["status"], found["updates"]) == ("completed", 10)
    assert all(row["train/gradient_norm"] > 0 for row in rows)


def test_the_network_has_its_arguments(trained):
    """As many blocks as its ``depth``."""
    state = final_state(trained("own_network"))
    assert b"LayerNorm_1" in state and b"LayerNorm_2" not in state


def test_the_optimizer_decays_kernels_alone():
    """On no gradient they are (1 − decay) of what they were after a step of rate 1."""
    spec = spec_module.make(make_config(*command("own_optimizer"), "optimizer.arguments={b1: 0.5, decay: 0.25}"))
    weights = {"kernel": jnp.ones((2, 2)), "bias": jnp.ones(2)}
    nothing, state = jax.tree.map(jnp.zeros_like, weights), optimizers.init(spec, weights)
    stepped, _ = optimizers.descend(spec, weights, nothing, state, jnp.float32(1))
    np.testing.assert_allclose(stepped["kernel"], 0.75)
    np.testing.assert_allclose(stepped["bias"], 1)


@pytest.mark.slow
def test_the_loss_term_is_in_the_rows(trained):
    """Of two actions with logits near 0: (log 2)²."""
    rows = run_directory.rows(trained("own_loss_term"))
    assert rows[0]["train/size_loss"] == pytest.approx(np.log(2.0) ** 2, abs=0.05)


@pytest.mark.parametrize("action, ends_by_itself", [(1, True), (0, False)])
def test_the_environment_ends_at_its_right_end_or_is_cut(action, ends_by_itself):
    env = envs.make("own_environment:Corridor")
    params = env.params({"length": 10})
    state, observation = env.reset(jax.random.key(0), params, 16)
    distance = 10 - np.rint(10 * np.asarray(observation[:, 0]))
    terminated, truncated = [], []
    for step in range(50):
        state, timestep = env.step(jax.random.key(step), state, jnp.full(16, action), params)
        terminated.append(timestep.terminated)
        truncated.append(timestep.truncated)
    if ends_by_itself:
        np.testing.assert_array_equal(np.argmax(terminated, axis=0), distance - 1)
        assert len(set(distance)) > 1
    else:
        assert not np.any(terminated)
        np.testing.assert_array_equal(np.argmax(truncated, axis=0), 49)
