"""Running moments of observations, merged in parallel (Chan, Golub and LeVeque 1979, eq. 2.1)."""

import jax
import jax.numpy as jnp

from jaxac.types import Array, Moments

_CLIP = 10.0  # standard deviations, as OpenAI Baselines' VecNormalize
_EPSILON = 1e-8


def init(observation_size: int) -> Moments:
    """The moments of no observation, with which ``normalize`` only clips."""
    return Moments(jnp.zeros(()), jnp.zeros((observation_size,)), jnp.ones((observation_size,)))


def of_batch(observation: Array) -> Moments:
    """The moments of ``observation [..., O]`` over all leading axes."""
    flat = observation.reshape(-1, observation.shape[-1])
    return Moments(jnp.asarray(flat.shape[0], jnp.float32), jnp.mean(flat, axis=0), jnp.var(flat, axis=0))


def of_shards(moments: Moments) -> Moments:
    """The moments of ``K`` equally large batches taken together: fields ``[K, ...] -> [...]``."""
    mean = jnp.mean(moments.mean, axis=0)
    between = jnp.mean(jnp.square(moments.mean - mean[None]), axis=0)
    return Moments(jnp.sum(moments.seen), mean, jnp.mean(moments.variance, axis=0) + between)


def merge(a: Moments, b: Moments) -> Moments:
    """The moments of two batches taken together."""
    seen = a.seen + b.seen
    share = b.seen / seen
    delta = b.mean - a.mean
    mean = a.mean + delta * share
    variance = a.variance * (1.0 - share) + b.variance * share + jnp.square(delta) * share * (1.0 - share)
    return Moments(seen, mean, variance)


def normalize(moments: Moments, observation: Array) -> Array:
    """``observation [..., O]`` normalized to zero mean and unit variance, clipped at 10 standard deviations."""
    shape = (1,) * (observation.ndim - 1) + (-1,)
    mean = moments.mean.reshape(shape)
    scale = jax.lax.rsqrt(moments.variance + _EPSILON).reshape(shape)
    return jnp.clip((observation - mean) * scale, -_CLIP, _CLIP)
