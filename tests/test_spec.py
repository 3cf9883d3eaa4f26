import chex
import jax
import jax.numpy as jnp
import pytest

from jaxac import spec as spec_module
from jaxac.config.compose import make_config

A2C = "+algo=a2c"


def structure(*overrides):
    return jax.tree.structure(spec_module.make(make_config(A2C, *overrides)))


@pytest.mark.parametrize(
    "override",
    ["optimizer.learning_rate=1e-4", "algo.discount=0.9", "algo.gae_lambda=0.5", "algo.entropy_coef=0.1", "seed=7"]
    + ["algo.value_coef=1", "optimizer.max_grad_norm=1", "optimizer.epsilon=1e-3", "env.reward_scale=1"]
    + ["total_env_steps=1000000", "evaluation.episodes=10", "hydra.run.dir=x"],
)
def test_numbers_share_a_program(override):
    assert structure(override) == structure()


def test_environment_parameters_share_a_program():
    assert structure("++env.params.gravity=5.0") == structure("++env.params.gravity=6.0")


@pytest.mark.parametrize(
    "override",
    ["env.num_envs=8", "algo.unroll_length=4", "network=separate", "algo.returns=n_step", "env.name=Acrobot-v1"]
    + ["algo.num_shards=2", "optimizer=rmsprop", "optimizer.max_grad_norm=null", "optimizer.schedule=constant"],
)
def test_sizes_and_choices_form_another(override):
    assert structure(override) != structure()


@pytest.mark.parametrize("override", ["algo.delay.mean=3", "algo.compensation=1"])
def test_delays_are_numbers(override):
    a3c = ("+algo=a3c", "algo.delay.distribution=geometric", "algo.correction=delay_compensation")
    delayed = ("algo.delay.mean=0.5",)
    one, other = (
        jax.tree.structure(spec_module.make(make_config(*a3c, *delayed, more))) for more in ("seed=1", override)
    )
    assert one == other


def test_leaves_are_strongly_typed():
    """A weakly typed one would compile the program a second time."""
    assert not any(leaf.weak_type for leaf in jax.tree.leaves(spec_module.make(make_config(A2C))))


def test_one_trace_serves_all_numbers():
    chex.clear_trace_counter()

    @jax.jit
    @chex.assert_max_traces(n=1)
    def program(spec):
        return jnp.square(spec.optimizer.learning_rate)

    for rate in ("1e-3", "1", "0"):
        program(spec_module.make(make_config(A2C, f"optimizer.learning_rate={rate}")))
    with pytest.raises(AssertionError, match="traced"):
        program(spec_module.make(make_config(A2C, "env.num_envs=8")))


def test_parameters_of_an_environment_are_of_one_type_however_they_are_typed():
    """So that a sweep over ``9,9.8`` is one program."""
    assert structure("env.params.gravity=9") == structure("env.params.gravity=9.8")
