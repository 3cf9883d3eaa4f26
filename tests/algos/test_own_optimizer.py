import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxac import spec as spec_module
from jaxac.algos import a3c, optimizers
from jaxac.errors import ConfigError
from jaxac.programs import program
from tests.processes import CACHE
from tests.whole_runs import runs_in, summary

ADAM = ("optimizer=adam", "optimizer.learning_rate=3e-3")
OWN_ADAM = (
    "optimizer=own",
    "optimizer.name=optax.adam",
    "optimizer.learning_rate=3e-3",
    "optimizer.arguments={b1: 0.5, b2: 0.999, eps: 1e-8}",
)
A3C = ("+algo=a3c", "algo.num_shards=4")
QUIET = (CACHE, "logger.curve=false", "logger.gif=false", "logger.console=false")
GRADIENTS = np.random.default_rng(0).normal(size=(10, 4))


def own(name, *overrides):
    return ("optimizer=own", f"optimizer.name={name}", "optimizer.learning_rate=0.5", *overrides)


def descend(spec, gradients=GRADIENTS):
    weights = jnp.ones(4)
    state = optimizers.init(spec, weights)
    for done, gradient in enumerate(gradients):
        rate = optimizers.learning_rate(spec, jnp.int32(done))
        weights, state = optimizers.descend(spec, weights, jnp.asarray(gradient, jnp.float32), state, rate)
    return weights


def test_optax_adam_is_ours_step_by_step(small_spec):
    np.testing.assert_allclose(descend(small_spec(*OWN_ADAM)), descend(small_spec(*ADAM)), rtol=1e-6)


@pytest.mark.slow
def test_optax_adam_trains_as_ours(small_spec):
    """To rounding, over three rounds, with a state for each shard and rates that follow staleness."""
    states = []
    for optimizer in (ADAM, OWN_ADAM):
        spec = small_spec(*A3C, "algo.shared_statistics=false", "algo.correction=learning_rate", *optimizer)
        state, update = jax.jit(a3c.init)(spec, jax.random.key(0)), jax.jit(a3c.update)
        for _ in range(3):
            state, report = update(spec, state)
        states.append((state.server.params, report.metrics))
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-3, atol=1e-5), *states)


@pytest.mark.slow
def test_stopping_and_resuming_keeps_its_state(small_config, run_dir):
    run = runs_in(run_dir, small_config, *QUIET)
    lion = own("optax.lion", "optimizer.learning_rate=1e-3")
    whole, parts = run(*lion, at="whole"), run(*lion, "stop_after_updates=4", at="parts")
    run(*lion, f"resume={parts}", at="parts")
    assert summary(parts)["params_digest"] == summary(whole)["params_digest"]


def test_the_rate_of_each_step_arrives_as_it_is(small_spec):
    """Annealed, and not only as a factor: this optimizer squares it."""
    spec = small_spec(*own("tests.own_parts:square_of_rate", "optimizer.max_grad_norm=null"))
    rates = 0.5 * (1 - np.arange(10) / 10)  # ten updates in all
    np.testing.assert_allclose(descend(spec), 1 - (rates**2) @ GRADIENTS, rtol=1e-5)


def test_decay_of_weights_is_the_papers(small_spec):
    """Loshchilov and Hutter 2019, Algorithm 2, line 12: θ ← θ − η λ θ where the gradient is 0."""
    spec = small_spec(*own("optax.adamw", "optimizer.arguments={weight_decay: 0.1}", "optimizer.schedule=constant"))
    np.testing.assert_allclose(descend(spec, np.zeros((3, 4))), (1 - 0.5 * 0.1) ** 3 * np.ones(4), rtol=1e-6)


def test_gradients_are_clipped_before_it_sees_them(small_spec):
    spec = small_spec(*own("optax.sgd", "optimizer.schedule=constant", "optimizer.max_grad_norm=2"))
    np.testing.assert_allclose(1 - descend(spec, np.full((1, 4), 100.0)), 0.5 * np.full(4, 1.0), rtol=1e-6)


def test_a_learning_rate_of_zero_changes_nothing(small_spec):
    np.testing.assert_array_equal(descend(small_spec(*own("optax.lion", "optimizer.learning_rate=0"))), 1)


def test_runs_that_differ_in_their_rate_share_a_program(small_config):
    def signature(*overrides):
        config = small_config(*own("optax.lion", *overrides))
        return program.Signature.of(config, spec_module.make(config))

    assert signature("optimizer.learning_rate=1e-3") == signature("optimizer.learning_rate=1e-2")
    assert signature() != signature("optimizer.arguments={b1: 0.5}")


BAD = {
    "optax.scale_by_adam": "does not take learning_rate; give a factory that does",
    "optax.no_such_thing": "cannot be imported: .*no_such_thing",
    "tests.own_parts:no_transformation": "makes a .*, which is no optax.GradientTransformation",
    "tests.own_parts:other_shapes": "must keep the shapes of the weights",
    "tests.own_parts:needs_the_value": "cannot make a step .*TypeError: .*'value'",
}


@pytest.mark.parametrize("name, expected", BAD.items())
def test_one_that_cannot_work_is_told(small_spec, name, expected):
    with pytest.raises(ConfigError, match=f"^optimizer.name={name} {expected}") as error:
        jax.eval_shape(lambda: optimizers.init(small_spec(*own(name)), jnp.ones(4)))
    assert "\n" not in str(error.value)


def test_arguments_that_it_does_not_take_are_told(small_spec):
    with pytest.raises(ConfigError, match=r"cannot be made of \{'beta': 1\}: TypeError: .*'beta'"):
        optimizers.init(small_spec(*own("optax.lion", "optimizer.arguments={beta: 1}")), jnp.ones(4))


def test_it_is_told_before_anything_is_compiled(small_config, monkeypatch):
    config = small_config(*own("optax.scale_by_adam"))
    monkeypatch.setattr(jax.stages.Lowered, "compile", lambda *_: pytest.fail("compiled"))
    with pytest.raises(ConfigError, match=r"optimizer\.name=optax\.scale_by_adam does not take"):
        program.compile_program(config, spec_module.make(config))


def test_without_a_lock_its_state_must_be_numbers(small_spec):
    lock_free = (*A3C, "algo.runtime=threads", "algo.lock=false")
    optimizers.init(small_spec(*lock_free, *own("optax.lion")), jnp.ones(4))
    optimizers.init(small_spec(*A3C, *own("tests.own_parts:restart")), jnp.ones(4))
    with pytest.raises(ConfigError, match=r"choose algo\.lock=true"):
        optimizers.init(small_spec(*lock_free, *own("tests.own_parts:restart")), jnp.ones(4))
