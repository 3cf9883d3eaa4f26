import jax.numpy as jnp
import numpy as np
import pytest

from jaxac.algos import optimizers
from tests import reference

GRADIENTS = np.random.default_rng(0).normal(size=(10, 4))
A3C_RMSPROP = (
    "optimizer=rmsprop",
    "optimizer.learning_rate=7e-4",
    "optimizer.schedule=constant",
    "optimizer.max_grad_norm=null",
    "optimizer.epsilon=0.1",
)


def descend(spec, gradients=GRADIENTS):
    params = jnp.zeros(4)
    state = optimizers.init(spec, params)
    for done, gradient in enumerate(gradients):
        rate = optimizers.learning_rate(spec, jnp.int32(done))
        params, state = optimizers.descend(spec, params, jnp.asarray(gradient, jnp.float32), state, rate)
    return params


def test_rmsprop_is_the_papers(small_spec):
    spec = small_spec(*A3C_RMSPROP)
    expected = reference.rmsprop(np.zeros(4), GRADIENTS, 7e-4, 0.99, 0.1)
    np.testing.assert_allclose(descend(spec), expected, rtol=1e-6)


def test_rmsprops_epsilon_is_inside_the_root(small_spec):
    """One step from g = 0: η Δ / √((1−α) Δ² + ε) is far from η Δ / (√((1−α) Δ²) + ε)."""
    spec = small_spec(*A3C_RMSPROP)
    step = -descend(spec, np.full((1, 4), 0.01))
    np.testing.assert_allclose(step, 7e-4 * 0.01 / np.sqrt(0.01 * 0.01**2 + 0.1), rtol=1e-3)


def test_the_global_norm_is_clipped(small_spec):
    """Adam is blind to the scale of its first gradient, RMSProp with a large ε is not."""
    spec = small_spec("optimizer=rmsprop", "optimizer.schedule=constant", "optimizer.epsilon=100")
    long, longer = (descend(spec, np.full((1, 4), size)) for size in (10.0, 1000.0))
    np.testing.assert_allclose(long, longer, rtol=1e-6)


@pytest.mark.parametrize("schedule, expected", [("constant", [1, 1, 1]), ("linear", [1, 0.5, 0])])
def test_schedule(small_spec, schedule, expected):
    spec = small_spec(f"optimizer.schedule={schedule}", "optimizer.learning_rate=1")
    rates = [optimizers.learning_rate(spec, jnp.int32(update)) for update in (0, 5, 10)]
    np.testing.assert_allclose(rates, expected)


def test_a_learning_rate_of_zero_changes_nothing(small_spec):
    np.testing.assert_array_equal(descend(small_spec("optimizer.learning_rate=0")), 0)
