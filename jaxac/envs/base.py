"""What an environment is here: pure functions over a batch, and how finished episodes give way to fresh ones."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxac.types import Array, PRNGKey, PyTree, TimeStep


class Env(NamedTuple):
    """A kind of environment: pure functions over a batch of ``B``. ``params`` is the suite's, a pytree of numbers."""

    reset: Callable[[PRNGKey, PyTree, int], tuple[PyTree, Array]]
    """``reset(key, params, B) -> (env_state [B, ...], observation [B, O])``."""
    step: Callable[[PRNGKey | None, PyTree, Array, PyTree], tuple[PyTree, TimeStep]]
    """``step(key, env_state, action [B], params) -> (env_state, TimeStep)``; what follows an end is undefined, see
    :func:`restart`. Without a key only for an environment whose steps draw nothing."""
    stagger: Callable[[PRNGKey, PyTree, PyTree], PyTree]
    """``stagger(key, env_state, params) -> env_state``, its clocks anywhere below the time limit."""
    params: Callable[[dict[str, Any]], PyTree]
    """``params(overrides) -> params``: the environment's defaults with some replaced."""
    observation_size: int
    observation_shape: tuple[int, ...]
    num_actions: int


def restart(done: Array, fresh: PyTree, stepped: PyTree) -> PyTree:
    """Environments (states and observations ``[B, ...]``) as ``fresh`` where an episode is ``done``, else as stepped.

    Fresh ones are drawn for all in one batch, whether needed or not: choosing is cheaper than drawing by need.
    """
    return jax.tree.map(functools.partial(_where, done), fresh, stepped)


def _where(mask: Array, x: Array, y: Array) -> Array:
    """``where(mask [B], x [B, ...], y [B, ...])`` in the type of ``y``, which a scan's carry must keep."""
    return jnp.where(mask.reshape(mask.shape + (1,) * (y.ndim - 1)), x.astype(y.dtype), y)
