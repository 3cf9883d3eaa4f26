"""The Gaussian policy over ``N`` real actions, independent of each other, from ``parameters [..., 2 N]``.

The first ``N`` parameters are the means, the others tell the standard deviations: their logarithms, relative to an
initial one, or, in the form of Mnih et al. 2016 (section 9), the variances before a softplus.
"""

import math

import jax
import jax.numpy as jnp

from jaxac.config.algos import GaussianConfig
from jaxac.types import Array, PRNGKey


def noise(size: int, key: PRNGKey, shape: tuple[int, ...]) -> Array:
    """[*shape, N] standard normal numbers, ``size = N`` an action."""
    return jax.random.normal(key, (*shape, size))


def sample(config: GaussianConfig, noise: Array, parameters: Array) -> Array:
    """[..., N] actions μ + σ ε, from ``noise [..., N]`` and ``parameters [..., 2 N]``."""
    mean, log_std = split(config, parameters)
    return mean + jnp.exp(log_std) * noise


def mode(config: GaussianConfig, parameters: Array) -> Array:
    """[..., N] the means, from ``parameters [..., 2 N]``."""
    return split(config, parameters)[0]


def log_prob(config: GaussianConfig, parameters: Array, action: Array) -> Array:
    """[...] log-densities log π(a) of ``action [..., N]``, from ``parameters [..., 2 N]``."""
    mean, log_std = split(config, parameters)
    deviation = (action - mean) * jnp.exp(-log_std)
    return -jnp.sum(0.5 * jnp.square(deviation) + log_std + 0.5 * math.log(2 * math.pi), axis=-1)


def entropy(config: GaussianConfig, parameters: Array) -> Array:
    """[...] differential entropies Σ log σ + ½ log 2πe in nats, from ``parameters [..., 2 N]``."""
    _, log_std = split(config, parameters)
    return jnp.sum(log_std + 0.5 * math.log(2 * math.pi * math.e), axis=-1)


def kl(config: GaussianConfig, parameters: Array, other: Array) -> Array:
    """[...] divergences in nats of ``parameters [..., 2 N]`` from ``other [..., 2 N]``."""
    (mean, log_std), (other_mean, other_log_std) = split(config, parameters), split(config, other)
    ratio = jnp.exp(2 * (log_std - other_log_std))
    distance = jnp.square((mean - other_mean) * jnp.exp(-other_log_std))
    return jnp.sum(0.5 * (ratio + distance - 1) + other_log_std - log_std, axis=-1)


def split(config: GaussianConfig, parameters: Array) -> tuple[Array, Array]:
    """Means and logarithms of standard deviations, ``[..., N]`` each, from ``parameters [..., 2 N]``."""
    mean, width = jnp.split(parameters, 2, axis=-1)
    if config.std == "state":
        return mean, 0.5 * jnp.log(jax.nn.softplus(width))
    return mean, width + jnp.log(jnp.asarray(config.initial_std, width.dtype))
