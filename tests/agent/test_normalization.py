import jax
import numpy as np
import pytest

from jaxac.agent import normalization

RNG = np.random.default_rng(0)
DATA = (RNG.normal(size=(6, 50, 3)) * [1.0, 10.0, 0.1] + [0.0, 500.0, -3.0]).astype(np.float32)


def test_merging_batches_is_one_large_batch():
    moments = normalization.init(3)
    for batch in DATA:
        moments = normalization.merge(moments, normalization.of_batch(batch))
    assert moments.seen == 300
    np.testing.assert_allclose(moments.mean, DATA.mean((0, 1)), rtol=1e-5)
    np.testing.assert_allclose(moments.variance, DATA.var((0, 1)), rtol=1e-3)


def test_shards_together_are_one_large_batch():
    together = normalization.of_shards(jax.vmap(normalization.of_batch)(DATA))
    np.testing.assert_allclose(together.mean, DATA.mean((0, 1)), rtol=1e-5)
    np.testing.assert_allclose(together.variance, DATA.var((0, 1)), rtol=1e-3)
    assert together.seen == 300


def test_normalized_data_has_zero_mean_and_unit_variance():
    normalized = normalization.normalize(normalization.of_batch(DATA), DATA)
    np.testing.assert_allclose(normalized.mean((0, 1)), 0, atol=1e-3)
    np.testing.assert_allclose(normalized.std((0, 1)), 1, rtol=1e-3)


@pytest.mark.parametrize("value, expected", [(3.0, 3.0), (50.0, 10.0)])
def test_before_any_data_it_is_the_identity_clipped(value, expected):
    normalized = normalization.normalize(normalization.init(3), np.full(3, value, np.float32))
    np.testing.assert_allclose(normalized, expected, rtol=1e-6)
