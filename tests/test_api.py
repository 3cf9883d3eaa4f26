"""The library: what the commands do, from Python."""

import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hydra import compose, initialize_config_dir

import jaxac
from jaxac.config.compose import to_overrides
from jaxac.errors import ConfigError
from tests.conftest import SMALL
from tests.processes import CACHE, environment

QUIET = (CACHE, "evaluation.episodes=8")


@pytest.fixture(scope="module")
def config():
    return jaxac.make_config("+algo=a2c", *SMALL, *QUIET, seed=3)


@pytest.fixture(scope="module")
def result(config):
    return jaxac.train(config)


@pytest.fixture(scope="module")
def directory(config, tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "a"
    jaxac.train(config, path)
    return path


def leaves(tree):
    return [np.asarray(leaf) for leaf in jax.tree.leaves(tree)]


def test_importing_it_imports_nothing_heavy():
    heavy = ("jax", "flax", "gymnax", "wandb", "matplotlib", "hydra")
    code = f"import sys, jaxac; jaxac.__version__; print(*[name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_every_name_it_lists_is_there_and_told():
    for name in jaxac.__all__:
        assert getattr(jaxac, name).__doc__
    assert set(jaxac.__all__) <= set(dir(jaxac))
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        jaxac.nope  # noqa: B018


def test_the_commands_do_not_hide_the_functions_of_their_names():
    import jaxac.evaluate
    import jaxac.train

    assert jaxac.train is sys.modules["jaxac.api"].train
    assert jaxac.evaluate is sys.modules["jaxac.api"].evaluate


def test_keywords_are_overrides():
    by_keywords = jaxac.make_config(
        algo="a3c", optimizer={"learning_rate": 1e-3}, env={"num_envs": 32, "params": {"gravity": 5.0}}, seed=4
    )
    typed = ("+algo=a3c", "optimizer.learning_rate=1e-3", "env.num_envs=32", "env.params.gravity=5.0", "seed=4")
    assert by_keywords == jaxac.make_config(*typed)
    assert by_keywords == jaxac.make_config("algo=a3c", *typed[1:4], "seed=9", seed=4)


@pytest.mark.parametrize("wrong", [{"sed": 3}, {"env": {"num_env": 3}}, {"algo": "a2x"}, {"seed": -1}, {}])
def test_a_configuration_that_cannot_work_is_answered_in_one_sentence(wrong):
    with pytest.raises(ConfigError) as error:
        jaxac.make_config(**({"algo": "a2c"} | wrong if wrong else {}))
    assert "\n" not in str(error.value)


def test_a_process_that_uses_hydra_itself_keeps_it(tmp_path):
    (tmp_path / "config.yaml").write_text("a: 1\n")
    with initialize_config_dir(str(tmp_path), version_base="1.3"):
        assert jaxac.make_config(algo="a2c", seed=4).seed == 4
        with pytest.raises(ConfigError, match=r"env\.num_env is not a setting; did you mean env\.num_envs"):
            jaxac.make_config(algo="a2c", env={"num_env": 1})
        assert compose("config") == {"a": 1}


def test_training_in_memory_is_silent_and_leaves_nothing(config, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    result = jaxac.train(config)
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")
    assert [row["updates"] for row in result.rows] == list(range(1, 11))
    assert result.evaluation["eval/return_mean"] == result.rows[-1]["eval/return_mean"]
    assert result.summary["status"] == "completed"
    assert int(result.state.server.version) == 10


def test_a_directory_holds_what_the_command_leaves(config, result, directory):
    names = {path.name for path in directory.iterdir()}
    assert {"config.yaml", "overrides.yaml", "metrics.jsonl", "summary.json", "checkpoints", "weights"} <= names
    assert {"learning_curve.png", "policy.gif"} <= names
    again = jaxac.train(jaxac.make_config(*to_overrides(config), total_env_steps=640), directory, resume=True)
    assert [row["updates"] for row in again.rows] == list(range(1, 21))
    with pytest.raises(ConfigError, match="already holds a run"):
        jaxac.train(config, directory)
    with pytest.raises(ConfigError, match=r"use train\(config, directory, resume=True\)"):
        jaxac.train(jaxac.make_config(*to_overrides(config), resume=str(directory)))


def test_overrides_of_a_configuration_make_it_again(config):
    a3c = jaxac.make_config(
        "+algo=a3c",
        "optimizer=rmsprop",
        "network=separate",
        "algo.num_shards=2",
        "algo.delay.distribution=geometric",
        "algo.delay.mean=[1,2]",
        num_seeds=2,
    )
    for each in (config, a3c):
        assert jaxac.make_config(*to_overrides(each)) == each


def test_several_seeds(config):
    several = jaxac.train(jaxac.make_config(*to_overrides(config), num_seeds=2))
    alone = jaxac.train(jaxac.make_config(*to_overrides(config), seed=4))
    assert len(several.params) == len(several.state) == 2
    for one, other in zip(leaves(several.params[1]), leaves(alone.params), strict=True):
        np.testing.assert_array_equal(one, other)
    assert several.rows[-1]["seeds"] == 2


def test_a_pure_run_is_the_commands_but_for_rounding(config, result):
    state, rows = jax.jit(jaxac.make_train(config))(jax.random.key(3))
    for one, other in zip(leaves(state.server.params), leaves(result.params), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
    assert rows["updates"].tolist() == [row["updates"] for row in result.rows]
    assert rows["env_steps"].tolist() == [row["env_steps"] for row in result.rows]
    np.testing.assert_allclose(rows["train/entropy"], [row["train/entropy"] for row in result.rows], rtol=1e-4)


@pytest.mark.slow
def test_a_pure_run_maps_over_keys_and_numbers(config):
    train = jaxac.make_train(config)
    keys = jax.random.split(jax.random.PRNGKey(0), 2)  # keys of the older kind as well
    _, rows = jax.jit(jax.vmap(train))(keys)
    assert rows["train/entropy"].shape == (2, 10)
    assert not np.array_equal(rows["train/entropy"][0], rows["train/entropy"][1])

    def final(rate):
        state, _ = train(keys[0], {"optimizer.learning_rate": rate})
        return state.server.params.network

    trained = jax.jit(jax.vmap(final))(jnp.array([0.0, 1e-2]))
    untrained = jaxac.make_config(*to_overrides(config), optimizer={"learning_rate": 0.0})
    state, _ = jax.jit(jaxac.make_train(untrained))(keys[0])
    for one, other in zip(leaves(trained), leaves(state.server.params.network), strict=True):
        np.testing.assert_array_equal(one[0], other)
        assert not np.array_equal(one[1], other)


@pytest.mark.parametrize(
    "name, expected",
    [
        ("algo.unroll_length", "is a size or a choice"),
        ("algo.nope", "is not a setting"),
        ("seed", "is not a number"),
        ("optimizer.max_grad_norm", "is null in this configuration"),
        ("env.params.gravity", "has no value in this configuration"),
        ("algo.entropy_coef", "is a list in this configuration"),
    ],
)
def test_what_is_no_number_is_said(config, name, expected):
    own = {"optimizer": {"max_grad_norm": None}, "algo": {"entropy_coef": [0.1]}}
    fixed = jaxac.make_config(*to_overrides(config), **own)
    with pytest.raises(ConfigError, match=expected):
        jax.eval_shape(jaxac.make_train(fixed), jax.random.key(0), {name: 1.0})


def test_threads_are_no_pure_function():
    with pytest.raises(ConfigError, match=r"algo\.runtime=compiled"):
        jaxac.make_train(jaxac.make_config("+algo=a3c", "algo.runtime=threads"))


def test_a_policy_acts(result):
    policy = result.policy
    observations = np.linspace(-0.1, 0.1, 24, dtype=np.float32).reshape(2, 3, 4)
    greedy = policy(observations, greedy=True)
    assert greedy.shape == (2, 3)
    np.testing.assert_array_equal(greedy, np.argmax(policy.distribution(observations), axis=-1))
    np.testing.assert_array_equal(greedy, policy(observations))
    assert policy.value(observations).shape == (2, 3)
    assert policy(observations[0, 0]).shape == ()
    sampled = policy(np.zeros((1000, 4)), jax.random.key(0))
    share = jax.nn.softmax(policy.distribution(np.zeros(4)))[1]
    assert abs(float(sampled.mean()) - float(share)) < 5 * 0.5 / 1000**0.5  # five standard deviations
    with pytest.raises(ValueError, match="needs a key"):
        policy(observations, greedy=False)
    with pytest.raises(ValueError, match=r"has shape \(4,\)"):
        policy(np.zeros(3))


def test_a_policy_is_found_again_bit_for_bit(result, directory, config):
    finals = [jaxac.load(directory), jaxac.load(directory / "weights" / "final.npz")]
    finals.append(jaxac.load(sorted((directory / "checkpoints").glob("*.ckpt"))[-1]))
    for policy in finals[1:]:
        for one, other in zip(leaves(policy.params), leaves(finals[0].params), strict=True):
            np.testing.assert_array_equal(one, other)
    assert finals[0].config.seed == 3
    assert jaxac.load(directory, best=True).params is not None


def test_weights_are_plain_arrays(directory):
    with np.load(directory / "weights" / "final.npz") as file:
        assert {"network/actor/kernel", "network/critic/bias", "moments/mean"} <= set(file.files)


@pytest.mark.slow
def test_a_policy_of_a3c_is_found_too(tmp_path):
    config = jaxac.make_config("+algo=a3c", "algo.num_shards=2", *SMALL, *QUIET, "logger.gif=false")
    result = jaxac.train(config, tmp_path / "a3c")
    for one, other in zip(leaves(jaxac.load(tmp_path / "a3c").params), leaves(result.params), strict=True):
        np.testing.assert_array_equal(one, other)


def test_evaluations_are_of_whole_fresh_episodes(result, directory):
    short = jaxac.evaluate(result, episodes=5, env_params={"max_steps_in_episode": 3})
    np.testing.assert_array_equal(short.returns, np.full(5, 3.0))
    assert (short.mean, short.std) == (3.0, 0.0)
    first, again, other = (jaxac.evaluate(directory, episodes=16, seed=seed).returns for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    with pytest.raises(ConfigError, match="episodes=0"):
        jaxac.evaluate(result, episodes=0)
    with pytest.raises(ConfigError, match=r"env\.params\.nope=1 is not a parameter"):
        jaxac.evaluate(result, env_params={"nope": 1})


def test_the_best_policy_is_the_one_of_the_best_evaluation(tmp_path):
    config = jaxac.make_config("+algo=a2c", *SMALL, *QUIET, "evaluation.every=64", "logger.gif=false", seed=1)
    jaxac.train(config, tmp_path / "run")
    result = jaxac.train(config)
    means = [row["eval/return_mean"] for row in result.rows if "eval/return_mean" in row]
    assert result.summary["eval/best_return_mean"] == max(means)
    steps = [row["env_steps"] for row in result.rows if row.get("eval/return_mean") == max(means)]
    assert result.summary["eval/best_env_steps"] == steps[-1]
    updates = steps[-1] // config.steps_per_update
    stopped = jaxac.train(jaxac.make_config(*to_overrides(config), stop_after_updates=updates))
    for one, other in zip(leaves(jaxac.load(tmp_path / "run", best=True).params), leaves(stopped.params), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    "make, expected",
    [
        (lambda path: path / "none", "does not exist"),
        (lambda path: path, "is no run"),
        (lambda path: (path / "file.npz").write_bytes(b"x") and path / "file.npz", "is no run"),
    ],
)
def test_what_holds_no_policy_is_said(tmp_path, make, expected):
    with pytest.raises(ConfigError, match=expected):
        jaxac.load(make(tmp_path))


def test_a_directory_of_several_runs_is_said(config, tmp_path):
    jaxac.train(jaxac.make_config(*to_overrides(config), num_seeds=2, logger={"curve": False}), tmp_path / "seeds")
    with pytest.raises(ConfigError, match=r"holds 2 runs; give one of them, for example .*seeds/3"):
        jaxac.load(tmp_path / "seeds")


@pytest.mark.slow
def test_it_works_after_another_call_of_jax_and_says_where_it_is_not_on_all_cores():
    code = """
import warnings, jax, jax.numpy as jnp
jnp.ones(3).sum()
import jaxac
config = jaxac.make_config("+algo=a2c", "env.num_envs=8", "total_env_steps=320", "compilation_cache=null",
                           "network.hidden_sizes=[8]", "algo.unroll_length=4", "evaluation.episodes=4")
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    result = jaxac.train(config)
print(result.summary["status"], len(caught), caught[0].message if caught else "")
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment())
    cores = len(os.sched_getaffinity(0))
    assert done.stdout.startswith(f"completed {int(cores > 1)}")
    assert done.stderr == ""
