"""The interface of a policy's distribution over actions, by the environment's actions."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp

from jaxac.agent import categorical, gaussian
from jaxac.config.algos import GaussianConfig
from jaxac.envs import Box, Discrete
from jaxac.types import Array, PRNGKey


class Distribution(NamedTuple):
    """A family of distributions over actions ``[..., *shape]``, each told by ``parameters [..., size]``."""

    size: int
    """Number of the parameters."""
    constant: int
    """Number of parameters, the last ones, that are the same in every state."""
    shape: tuple[int, ...]
    """Axes of one action: ``()`` if it is a number, ``(N,)`` if it is ``N``."""
    noise: Callable[[PRNGKey, tuple[int, ...]], Array]
    """``noise(key, shape) -> [*shape, *self.shape]``: random numbers that an action can be made of, drawn ahead."""
    sample: Callable[[Array, Array], Array]
    """``sample(noise, parameters) -> action``."""
    mode: Callable[[Array], Array]
    """``mode(parameters) -> action``, the most probable."""
    log_prob: Callable[[Array, Array], Array]
    """``log_prob(parameters, action) -> [...]``."""
    entropy: Callable[[Array], Array]
    """``entropy(parameters) -> [...]``, in nats."""
    kl: Callable[[Array, Array], Array]
    """``kl(parameters, other) -> [...]``, the divergence in nats of the first from the second."""
    bounded: Callable[[Array], Array]
    """``bounded(action) -> action`` as the environment takes it: numbers within ±1 where it has bounds."""


def make(actions: Discrete | Box, config: GaussianConfig) -> Distribution:
    """The distribution over an environment's actions: categorical, or Gaussian where they are continuous."""
    return _categorical(actions) if isinstance(actions, Discrete) else _gaussian(actions, config)


def choose(distribution: Distribution, parameters: Array, key: PRNGKey | None) -> Array:
    """[..., *shape] actions as the environment takes them: sampled with one key, the most probable ones without.

    Args:
        distribution: the family of distributions.
        parameters: [..., size] its parameters.
        key: [] the key to sample with; None to take the most probable actions.
    """
    if key is None:
        return distribution.bounded(distribution.mode(parameters))
    noise = distribution.noise(key, parameters.shape[:-1])
    return distribution.bounded(distribution.sample(noise, parameters))


def _categorical(actions: Discrete) -> Distribution:
    return Distribution(
        size=actions.number,
        constant=0,
        shape=(),
        noise=categorical.noise,
        sample=functools.partial(categorical.sample, actions.number),
        mode=categorical.mode,
        log_prob=categorical.log_prob,
        entropy=categorical.entropy,
        kl=categorical.kl,
        bounded=lambda action: action,
    )


def _gaussian(actions: Box, config: GaussianConfig) -> Distribution:
    size = len(actions.bounded)
    return Distribution(
        size=2 * size,
        constant=0 if config.std == "state" else size,
        shape=(size,),
        noise=functools.partial(gaussian.noise, size),
        sample=functools.partial(gaussian.sample, config),
        mode=functools.partial(gaussian.mode, config),
        log_prob=functools.partial(gaussian.log_prob, config),
        entropy=functools.partial(gaussian.entropy, config),
        kl=functools.partial(gaussian.kl, config),
        bounded=functools.partial(_bounded, actions, config),
    )


def _bounded(actions: Box, config: GaussianConfig, action: Array) -> Array:
    """Actions ``[..., N]``, within ±1 where there are bounds: cut there, or squashed.

    The density of the action before is what is learned from: what follows has no parameters, so the derivative of its
    logarithm is the same.
    """
    within = jnp.tanh(action) if config.bounds == "tanh" else jnp.clip(action, -1.0, 1.0)
    mask = jnp.asarray(actions.bounded).reshape((1,) * (action.ndim - 1) + (-1,))
    return within if all(actions.bounded) else jnp.where(mask, within, action)
