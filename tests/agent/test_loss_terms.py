import jax
import jax.numpy as jnp
import numpy as np
import pytest
import yaml

from jaxac import spec as spec_module
from jaxac.agent import actor_critic
from jaxac.algos import a3c, shard
from jaxac.errors import ConfigError
from jaxac.programs import lanes_program, program
from jaxac.runs import pure, runner
from jaxac.runs.job import Job
from jaxac.storage import run_directory
from jaxac.types import Transition
from tests.processes import CACHE
from tests.whole_runs import runs_in, summary

QUIET = (CACHE, "logger.curve=false", "logger.gif=false", "logger.console=false")
A3C = ("+algo=a3c", "algo.num_shards=4")
LENGTH, BATCH = 6, 16


def term(name, weight, at="added"):
    return (f"algo.loss_terms.{at}.function=tests.own_parts:{name}", f"algo.loss_terms.{at}.weight={weight}")


def transitions(rng):
    """Steps of CartPole that never were, of which some do not count."""
    number, flag = (LENGTH, BATCH), rng.random((LENGTH, BATCH)) < 0.2
    return Transition(
        observation=jnp.asarray(rng.normal(size=(*number, 4)), jnp.float32),
        action=jnp.asarray(rng.integers(2, size=number), jnp.int32),
        reward=jnp.asarray(rng.normal(size=number), jnp.float32),
        discount=jnp.asarray(~flag, jnp.float32),
        done=jnp.asarray(flag),
        final_observation=jnp.asarray(rng.normal(size=(*number, 4)), jnp.float32),
        weight=jnp.asarray(rng.random(number) < 0.7, jnp.float32),
    )


def gradient(spec, batch):
    """The loss' gradient, its terms, and the weights that it is taken at."""
    _, agent = actor_critic.build(spec)
    params = agent.init(jax.random.key(0))
    weights = jax.tree.map(lambda x: x + 0.1, params.network)
    last = jnp.zeros((BATCH, 4))
    grads, losses = jax.jit(jax.grad(agent.loss, has_aux=True))(weights, params.moments, batch, last)
    return grads, losses, weights


@pytest.fixture
def added(small_spec):
    """``added(*overrides)``: what terms add to the gradient, by layer; the terms; the weights; the steps."""

    def added(*overrides):
        batch, plain = transitions(np.random.default_rng(0)), ("algo.normalize_observations=false",)
        without, _, _ = gradient(small_spec(*plain), batch)
        grads, losses, weights = gradient(small_spec(*plain, *overrides), batch)
        difference = jax.tree.map(lambda x, y: np.asarray(x, np.float64) - np.asarray(y, np.float64), grads, without)
        return difference, losses, weights, batch

    return added


def square_of_value(weights, observations, counts):
    """½ E[V²] and its gradient by the head of the critic, step by step, in numpy."""
    torso, critic = (jax.tree.map(lambda x: np.asarray(x, np.float64), weights[name]) for name in ("torso", "critic"))
    total, bias, kernel = 0.0, 0.0, np.zeros_like(critic["kernel"])
    for step, count in zip(observations, counts, strict=True):
        hidden = np.maximum(step @ torso["Dense_0"]["kernel"] + torso["Dense_0"]["bias"], 0)
        value = (hidden @ critic["kernel"] + critic["bias"])[0]
        total, bias = total + count * value**2 / 2, bias + count * value
        kernel += count * value * hidden[:, None]
    return total / counts.sum(), bias / counts.sum(), kernel / counts.sum()


@pytest.mark.parametrize("weight", [0.5, -3.0])
def test_a_term_adds_its_gradient_times_its_weight(added, weight):
    difference, losses, weights, batch = added(*term("square_of_value", weight))
    observations = np.asarray(batch.observation, np.float64).reshape(-1, 4)
    value, bias, kernel = square_of_value(weights, observations, np.asarray(batch.weight).ravel())
    np.testing.assert_allclose(losses.loss_terms["added"], value, rtol=1e-4)
    np.testing.assert_allclose(difference["critic"]["bias"], weight * bias, rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(difference["critic"]["kernel"], weight * kernel, rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(difference["actor"]["kernel"], 0, atol=1e-6)
    assert np.abs(difference["torso"]["Dense_0"]["kernel"]).max() > 1e-3


def test_a_term_of_the_weights_pulls_them_to_zero(added):
    difference, _, weights, _ = added(*term("size_of_weights", 0.1))
    jax.tree.map(lambda x, w: np.testing.assert_allclose(x, 0.1 * w, atol=1e-5), difference, weights)


def test_a_term_may_ask_the_network_about_other_observations(added):
    """At observation 0 no weight of the first layer matters."""
    difference, _, _, _ = added(*term("value_at_zero", 1))
    np.testing.assert_allclose(difference["critic"]["bias"], 1, rtol=1e-5)
    np.testing.assert_allclose(difference["torso"]["Dense_0"]["kernel"], 0, atol=1e-6)


def test_terms_add_up(added):
    one, other = term("square_of_value", 0.5, "one"), term("size_of_weights", 0.1, "other")
    both, losses, _, _ = added(*one, *other)
    each = [added(*overrides)[0] for overrides in (one, other)]
    jax.tree.map(lambda x, a, b: np.testing.assert_allclose(x, a + b, atol=1e-6), both, *each)
    assert set(losses.loss_terms) == {"one", "other"}


@pytest.mark.parametrize("algo", [(), A3C], ids=["a2c", "a3c"])
def test_a_term_sees_all_of_a_shard_at_once(small_spec, algo):
    """It may be no mean of what it is for blocks of environments, in which they are worked through otherwise."""
    large = ("env.num_envs=1024", "algo.unroll_length=16", "algo.num_shards=4")
    assert shard.num_blocks(small_spec(*algo, *large)) > 1
    assert shard.num_blocks(small_spec(*algo, *large, *term("number_of_environments", 0))) == 1


def test_a_round_of_a3c_has_its_value(small_spec):
    spec = small_spec(*A3C, *term("number_of_environments", 0.0))
    state = jax.jit(a3c.init)(spec, jax.random.key(0))
    _, report = jax.jit(a3c.update)(spec, state)
    assert report.metrics.loss_terms == {"added": 2.0}  # of 8 environments in 4 shards


@pytest.mark.slow
def test_rows_of_threads_have_its_value(small_config, run_dir):
    threads = ("+algo=a3c", "algo.num_shards=2", "algo.runtime=threads")
    directory = runs_in(run_dir, small_config, *QUIET)(*threads, *term("number_of_environments", 0.0, "environments"))
    assert {row["train/environments_loss"] for row in run_directory.rows(directory)} == {4.0}


@pytest.mark.slow
def test_lanes_with_different_weights_are_one_program(small_config, run_dir):
    lanes_program.compile_shared.cache_clear()
    jobs = [Job(small_config(*QUIET, *term("square_of_value", weight))) for weight in (0.0, 0.5, 5.0)]
    runner.train(jobs, how="vmap")
    assert lanes_program.compile_shared.cache_info().misses == 1
    alone = runs_in(run_dir, small_config, *QUIET)(*term("square_of_value", 5.0), at="alone")
    lanes = [job.memory.rows[-1]["train/added_loss"] for job in jobs]
    assert lanes[2] == pytest.approx(run_directory.rows(alone)[-1]["train/added_loss"], rel=1e-3)
    assert abs(lanes[2] - lanes[0]) > 1e-2 * lanes[0]


def test_a_pure_function_maps_over_its_weight(small_config):
    """Rows of one array a name, its value among them; traced, not run."""
    train = pure.make_train(small_config(*term("square_of_value", 0.5)))

    def of_weight(weight):
        return train(jax.random.key(0), {"algo.loss_terms.added.weight": weight})

    _, rows = jax.eval_shape(jax.vmap(of_weight), jnp.arange(3.0))
    assert rows["train/added_loss"].shape == rows["train/policy_loss"].shape
    assert rows["train/added_loss"].shape[0] == 3 and "train/loss_terms" not in rows


BAD = {
    "a_value_each": r"returns float32\[3, 2\]; return one number",
    "a_python_number": r"returns int32\[\]; return one number",
    "a_mistake": r"cannot be differentiated: AttributeError: .*'rewards' \(own_parts.py, line \d+\)",
    "no_gradient": "cannot be differentiated: ValueError",
    "no_such_function": "cannot be imported",
}


@pytest.mark.parametrize("name, expected", BAD.items())
def test_one_that_cannot_work_is_told_before_anything_is_compiled(small_config, monkeypatch, name, expected):
    config = small_config(*term(name, 1))
    monkeypatch.setattr(program, "compile_shared", lambda _: pytest.fail("compiled"))
    with pytest.raises(
        ConfigError, match=f"^algo.loss_terms.added.function=tests.own_parts:{name} {expected}"
    ) as error:
        program.compile_program(config, spec_module.make(config))
    assert "\n" not in str(error.value)


def test_a_run_of_before_there_were_terms_resumes_as_it_was(small_config, run_dir):
    """Its ``config.yaml`` has no ``algo.loss_terms``."""
    run = runs_in(run_dir, small_config, *QUIET)
    whole, parts = run(at="whole"), run("stop_after_updates=4", at="parts")
    saved = yaml.safe_load((parts / "config.yaml").read_text())
    del saved["algo"]["loss_terms"]
    (parts / "config.yaml").write_text(yaml.safe_dump(saved))
    with pytest.raises(ConfigError, match=r"algo\.loss_terms\.added=.* disagrees with the run at resume="):
        run(f"resume={parts}", *term("square_of_value", 1), at="parts")
    run(f"resume={parts}", at="parts")
    assert summary(parts)["params_digest"] == summary(whole)["params_digest"]
    names = {name for row in run_directory.rows(parts) for name in row}
    assert {name for name in names if "loss" in name} == {"train/policy_loss", "train/value_loss"}
