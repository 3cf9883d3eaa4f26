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


def test_the_moments_of_returns_are_merged_beside_those_of_observations():
    returns, nothing = DATA[..., 1], normalization.init(3, with_returns=True)
    one_by_one = nothing
    for batch, each in zip(DATA, returns, strict=True):
        one_by_one = normalization.merge(one_by_one, normalization.of_batch(batch, each))
    together = normalization.merge(nothing, normalization.of_shards(jax.vmap(normalization.of_batch)(DATA, returns)))
    for moments in (one_by_one, together):
        np.testing.assert_allclose(moments.mean, DATA.mean((0, 1)), rtol=1e-5)
        np.testing.assert_allclose(moments.returns.mean, [returns.mean()], rtol=1e-5)
        np.testing.assert_allclose(moments.returns.variance, [returns.var()], rtol=1e-3)
        assert moments.returns.seen == 300


@pytest.mark.parametrize("units", [1e-3, 1.0, 1e3])
def test_scaled_rewards_do_not_depend_on_their_units_and_keep_their_sign(units):
    returns = units * DATA[..., 1]
    moments = normalization.of_batch(DATA, returns)
    rewards = np.float32(units) * np.asarray([-2.0, 0.0, 1.0, 1e6], np.float32)
    scaled = normalization.scale_reward(moments, rewards)
    np.testing.assert_allclose(scaled, [-2 / DATA[..., 1].std(), 0, 1 / DATA[..., 1].std(), 10], rtol=1e-3)


def test_without_moments_of_returns_rewards_are_as_they_are():
    assert normalization.scale_reward(normalization.of_batch(DATA), np.float32(40)) == 40
