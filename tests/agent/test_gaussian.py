"""The Gaussian policy against SciPy, and its gradient against differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from jaxac import envs
from jaxac.agent import distributions
from jaxac.config.algos import GaussianConfig

CONFIGS = [GaussianConfig("constant", 0.5, "clip"), GaussianConfig("state", 1.0, "tanh")]
BOTH = pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.std)


def family(config, bounded=(True, True, True)):
    return distributions.make(envs.Box(bounded), config)


def parameters(rng, *shape):
    return jnp.asarray(rng.normal(size=(*shape, 6)), jnp.float32)


def oracle(config, parameters):
    """The same distribution by SciPy, from the formulas in the configuration's comments."""
    mean, width = np.split(np.asarray(parameters, np.float64), 2, axis=-1)
    std = np.sqrt(np.log1p(np.exp(width))) if config.std == "state" else config.initial_std * np.exp(width)
    return scipy.stats.norm(mean, std)


@BOTH
def test_densities_and_entropies_are_scipys(config):
    rng = np.random.default_rng(0)
    told, action = parameters(rng, 5, 4), jnp.asarray(rng.normal(size=(5, 4, 3)), jnp.float32)
    expected = oracle(config, told)
    np.testing.assert_allclose(family(config).log_prob(told, action), expected.logpdf(action).sum(-1), rtol=1e-4)
    np.testing.assert_allclose(family(config).entropy(told), expected.entropy().sum(-1), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(family(config).mode(told), expected.mean(), rtol=1e-6)


@BOTH
def test_the_divergence_is_the_mean_difference_of_log_densities(config):
    rng = np.random.default_rng(1)
    told, other = parameters(rng, 1), parameters(rng, 1)
    noise = jnp.asarray(rng.normal(size=(400_000, 3)), jnp.float32)
    action = family(config).sample(noise, told)
    difference = family(config).log_prob(told, action) - family(config).log_prob(other, action)
    error = np.std(difference) / np.sqrt(difference.size)
    assert family(config).kl(told, other)[0] == pytest.approx(float(np.mean(difference)), abs=5 * float(error))
    np.testing.assert_allclose(family(config).kl(told, told), 0, atol=1e-6)


@BOTH
def test_samples_follow_the_distribution(config):
    told = parameters(np.random.default_rng(2), 1)
    noise = family(config).noise(jax.random.key(0), (50_000,))
    action = np.asarray(family(config).sample(noise, told), np.float64)
    expected = oracle(config, told[0])
    for dimension in range(3):
        cdf = scipy.stats.norm(expected.mean()[dimension], expected.std()[dimension]).cdf
        assert scipy.stats.kstest(action[:, dimension], cdf).pvalue > 1e-4


def test_an_action_is_brought_within_bounds_where_there_are_some():
    action = jnp.array([[3.0, -0.5, 7.0]])
    clip, squash = (family(config, (True, True, False)) for config in CONFIGS)
    np.testing.assert_allclose(clip.bounded(action), [[1.0, -0.5, 7.0]])
    np.testing.assert_allclose(squash.bounded(action), [[np.tanh(3.0), np.tanh(-0.5), 7.0]], rtol=1e-6)


def test_squashing_changes_no_gradient_of_the_log_density():
    """Log π(tanh a) = log π(a) − Σ log(1 − tanh² a), whose second term knows no parameters."""
    rng = np.random.default_rng(3)
    told, action = parameters(rng), jnp.asarray(rng.normal(size=3), jnp.float32)

    def squashed(told):
        return family(CONFIGS[0]).log_prob(told, action) - jnp.sum(jnp.log(1 - jnp.tanh(action) ** 2))

    plain = jax.grad(lambda told: family(CONFIGS[0]).log_prob(told, action))(told)
    np.testing.assert_allclose(jax.grad(squashed)(told), plain, rtol=1e-6)


def test_strict_dtypes():
    told = parameters(np.random.default_rng(4), 2)
    with jax.numpy_dtype_promotion("strict"):
        for config in CONFIGS:
            action = family(config).sample(family(config).noise(jax.random.key(0), (2,)), told)
            assert action.dtype == jnp.float32
            family(config).log_prob(told, action)
            family(config).entropy(told)
            family(config).kl(told, told)
            family(config).bounded(action)
