import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxac import spec as spec_module
from jaxac.agent import actor_critic, evaluation
from jaxac.algos import ALGOS, shard, trees
from jaxac.config.compose import make_config
from jaxac.errors import ConfigError
from jaxac.programs import program
from jaxac.storage import run_directory
from tests import own_parts
from tests.processes import CACHE
from tests.whole_runs import final_state, rows, runs_in, summary

SMALL = ("env.num_envs=8", "algo.unroll_length=4", "total_env_steps=320")
QUIET = (CACHE, "logger.curve=false", "logger.gif=false", "logger.console=false")
OURS = ("network=shared", "network.hidden_sizes=[8]")
OWN = ("network=own", "network.name=tests.own_parts:ours", "network.arguments={hidden_sizes: [8], activation: relu}")
A2C, A3C = ("+algo=a2c",), ("+algo=a3c", "algo.num_shards=4")


def config_of(*overrides):
    chosen = any(override.startswith("+algo=") for override in overrides)
    return make_config(*(() if chosen else A2C), *SMALL, *QUIET, *overrides)


def spec_of(*overrides):
    return spec_module.make(config_of(*overrides))


def programs(*overrides):
    """The text of all that a run of one lane and a batch of two compile, before the compiler sees it."""
    spec = spec_of(*overrides)
    algo, key = ALGOS[spec.algo.name], jax.random.key(0)
    state = jax.eval_shape(algo.init, spec, key)
    num_envs = spec.env.num_envs // spec.algo.num_shards
    one_shard = jax.eval_shape(lambda: trees.copies(shard.init(spec, key, num_envs), 1))
    two = jax.tree.map(lambda x: jnp.stack([x, x]), spec)
    functions = {
        "init": (algo.init, spec, key),
        "update": (algo.update, spec, state),
        "evaluate": (lambda *args: evaluation.evaluate(*args, 3, greedy=False), spec, algo.params(state), key),
        "lanes": (jax.vmap(algo.update), two, jax.eval_shape(jax.vmap(algo.init), two, jax.random.split(key))),
        "gradient of a thread": (shard.gradient, spec, algo.params(state), one_shard),
    }
    return {name: jax.jit(function).lower(*args).as_text() for name, (function, *args) in functions.items()}


@pytest.mark.slow
@pytest.mark.parametrize("algo", [A2C, A3C], ids=["a2c", "a3c"])
def test_of_the_same_module_jax_makes_the_same_programs(algo):
    """So training, evaluation and lanes are ours to the last bit."""
    assert programs(*algo, *OWN) == programs(*algo, *OURS)


def test_the_same_module_trains_bit_for_bit(run_dir):
    run = runs_in(run_dir, config_of)
    ours, own = run(*OURS, at="ours"), run(*OWN, at="own")
    assert final_state(own) == final_state(ours)
    assert rows(own) == rows(ours)
    assert summary(own)["eval/return_mean"] == summary(ours)["eval/return_mean"]


def test_threads_train_it(run_dir):
    directory = runs_in(run_dir, config_of)(*A3C, "algo.num_shards=2", "algo.runtime=threads", *OWN)
    assert summary(directory)["status"] == "completed"
    assert all(row["train/gradient_norm"] > 0 for row in run_directory.rows(directory))


def test_its_arguments_reach_it():
    """The number of actions only where it is asked for by name."""
    wide = ("network=own", "network.name=tests.own_parts:Wide", "network.arguments={actions: 3, width: 5}")
    env, agent = actor_critic.build(spec_of(*wide, "env.name=Catch"))
    weights = jax.eval_shape(agent.init, jax.random.key(0)).network
    assert weights["Dense_0"]["kernel"].shape == (env.observation_size, 5)
    assert weights["Dense_1"]["kernel"].shape == (5, 3)


def test_it_sees_the_environments_own_shape_if_it_wants_to():
    convolution = ("network=own", "network.name=tests.own_parts:Convolution", "network.flatten=false")
    spec = spec_of(*convolution, "env.name=Catch", "algo.normalize_observations=false")
    env, agent = actor_critic.build(spec)
    params = agent.init(jax.random.key(0))
    observation = jax.random.normal(jax.random.key(1), (7, 3, env.observation_size))
    expected = own_parts.Convolution(3).apply({"params": params.network}, observation.reshape(7, 3, 10, 5))
    for found, value in zip(agent.step(params, observation, ()), (*expected, ()), strict=True):
        np.testing.assert_array_equal(found, value)
    _, actor, _ = jax.eval_shape(shard.gradient, spec, params, jax.eval_shape(shard.init_all, spec, jax.random.key(2)))
    assert actor.observation.shape == (1, 8, 50)


def test_half_precision_stays_inside():
    spec = spec_of("network=own", "network.name=tests.own_parts:Half", "network.arguments={actions: 2}")
    env, agent = actor_critic.build(spec)
    params = jax.eval_shape(agent.init, jax.random.key(0))
    outputs = jax.eval_shape(agent.step, params, jnp.zeros((2, env.observation_size)), ())[:2]
    assert {output.dtype for output in outputs} == {jnp.dtype(jnp.float32)}


BAD = {
    ("Wide",): "cannot be made of {}: TypeError: .*missing 1 required.*set network.arguments",
    ("Wide", "actions: 2", "depth: 3"): r"cannot be made of \{'actions': 2, 'depth': 3\}: TypeError: .*'depth'",
    ("Wide", "actions: 2", "width: x"): r"cannot be applied to observations \[4\]: .*\(own_parts.py, line \d+\)",
    ("NoModule",): "makes a NoModule, which is no flax.linen.Module",
    ("NoActions", "actions: 2"): r"returns policy parameters of shape \[4\] for observations \[4\]; return \[2\]",
    ("ColumnOfValues", "actions: 2"): r"returns a value of shape \[1\] for observations \[4\]; return \[\]",
    ("NoValue", "actions: 2"): "must return two arrays",
    ("OneAxis", "actions: 2"): r"cannot be applied to observations \[2, 4\]: ValueError: too many values.*leading axes",
    ("HalfWeights",): "has parameters that are not float32",
    ("Batches", "actions: 2"): "keeps batch_stats besides its parameters",
}


@pytest.mark.parametrize("part, expected", BAD.items(), ids=lambda value: value[0] if isinstance(value, tuple) else "")
def test_one_that_cannot_work_is_told_before_anything_is_compiled(monkeypatch, part, expected):
    name, *arguments = part
    given = f"network.arguments={{{','.join(arguments)}}}"
    config = config_of("network=own", f"network.name=tests.own_parts:{name}", given)
    monkeypatch.setattr(program, "compile_shared", lambda _: pytest.fail("compiled"))
    with pytest.raises(ConfigError, match=f"^network.name=tests.own_parts:{name} {expected}") as error:
        program.compile_program(config, spec_module.make(config))
    assert "\n" not in str(error.value)


def test_a_new_class_under_an_old_name_is_another_program(monkeypatch):
    """As in a notebook, whose cells are run again."""
    config = config_of("network=own", "network.name=tests.own_parts:Wide", "network.arguments={actions: 2}")

    class Wide(own_parts.Wide):
        @nn.compact
        def __call__(self, observation):
            return super().__call__(nn.Dense(3)(observation))

    specs, weights = [], []
    for each in (own_parts.Wide, Wide, own_parts.Wide):
        monkeypatch.setattr(own_parts, "Wide", each)
        specs.append(jax.tree.structure(spec_module.make(config)))
        state = jax.eval_shape(ALGOS["a2c"].init, spec_module.make(config), jax.random.key(0))
        weights.append(jax.tree.map(lambda leaf: leaf.shape, state.server.params.network))
    assert specs[0] == specs[2] != specs[1]
    assert weights[0] == weights[2] != weights[1]
