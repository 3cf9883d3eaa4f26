"""Running moments of observations and returns, merged in parallel (Chan, Golub and LeVeque 1979, eq. 2.1)."""

import jax
import jax.numpy as jnp

from jaxac.types import Array, Moments

_CLIP = 10.0  # standard deviations, as OpenAI Baselines' VecNormalize
_EPSILON = 1e-8


def init(observation_size: int, with_returns: bool = False) -> Moments:
    """The moments of no observation and, if asked for, of no return, with which normalizing only clips."""
    returns = init(1) if with_returns else None
    return Moments(jnp.zeros(()), jnp.zeros((observation_size,)), jnp.ones((observation_size,)), returns)


def of_batch(observation: Array, discounted_return: Array | None = None) -> Moments:
    """The moments of ``observation [..., O]``, and of ``discounted_return [...]``, over all leading axes."""
    returns = None if discounted_return is None else of_batch(discounted_return[..., None])
    flat = observation.reshape(-1, observation.shape[-1])
    seen = jnp.asarray(flat.shape[0], jnp.float32)
    return Moments(seen, jnp.mean(flat, axis=0), jnp.var(flat, axis=0), returns)


def of_shards(moments: Moments) -> Moments:
    """The moments of ``K`` equally large batches taken together: fields ``[K, ...] -> [...]``."""
    mean = jnp.mean(moments.mean, axis=0)
    between = jnp.mean(jnp.square(moments.mean - mean[None]), axis=0)
    returns = None if moments.returns is None else of_shards(moments.returns)
    return Moments(jnp.sum(moments.seen), mean, jnp.mean(moments.variance, axis=0) + between, returns)


def merge(a: Moments, b: Moments) -> Moments:
    """The moments of two batches taken together."""
    seen = a.seen + b.seen
    share = b.seen / seen
    delta = b.mean - a.mean
    mean = a.mean + delta * share
    variance = a.variance * (1.0 - share) + b.variance * share + jnp.square(delta) * share * (1.0 - share)
    returns = None if a.returns is None or b.returns is None else merge(a.returns, b.returns)
    return Moments(seen, mean, variance, returns)


def normalize(moments: Moments, observation: Array) -> Array:
    """``observation [..., O]`` normalized to zero mean and unit variance, clipped at 10 standard deviations."""
    shape = (1,) * (observation.ndim - 1) + (-1,)
    mean = moments.mean.reshape(shape)
    scale = jax.lax.rsqrt(moments.variance + _EPSILON).reshape(shape)
    return jnp.clip((observation - mean) * scale, -_CLIP, _CLIP)


def scale_reward(moments: Moments, reward: Array) -> Array:
    """``reward [...]`` in standard deviations of the discounted return, clipped at 10; as it is without moments.

    The mean is not subtracted: that would change what is learned (VecNormalize of OpenAI Baselines does the same).
    """
    if moments.returns is None:
        return reward
    scale = jax.lax.rsqrt(moments.returns.variance[0] + _EPSILON)
    return jnp.clip(reward * scale, -_CLIP, _CLIP)
