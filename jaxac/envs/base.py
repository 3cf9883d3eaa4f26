"""The interface of an environment: pure functions over a batch, and the start of fresh episodes after others."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxac.types import Array, PRNGKey, PyTree, TimeStep


class Discrete(NamedTuple):
    """Actions that are numbers of choices."""

    number: int
    """``A``, the number of actions."""


class Box(NamedTuple):
    """Actions of ``N`` real numbers, ``[B, N]``."""

    bounded: tuple[bool, ...]
    """True for each number that the environment bounds: −1 is its lower bound, 1 its upper one."""


class Env(NamedTuple):
    """An environment: pure functions over a batch of ``B``; ``params`` is the suite's own pytree of numbers."""

    reset: Callable[[PRNGKey, PyTree, int], tuple[PyTree, Array]]
    """``reset(key, params, B) -> (env_state [B, ...], observation [B, O])``."""
    step: Callable[[PRNGKey | None, PyTree, Array, PyTree], tuple[PyTree, TimeStep]]
    """``step(key, env_state [B, ...], action [B] or [B, N], params) -> (env_state, TimeStep)``; steps after an
    episode's end are undefined, see :func:`restart`. The key may be None where steps draw nothing."""
    time_limit: Callable[[PyTree], Any]
    """``time_limit(params) -> limit []``, the most steps of an episode; None if the environment names none."""
    params: Callable[[dict[str, Any]], PyTree]
    """``params(overrides) -> params``: the environment's defaults with some replaced."""
    observation_size: int
    """``O``, features of a flattened observation."""
    observation_shape: tuple[int, ...]
    """The environment's own shape of an observation."""
    actions: Discrete | Box
    """The kind of its actions, and how many there are."""
    own_action: Callable[[Array, PyTree], Array]
    """``own_action(action [..., N], params)``: the action in the environment's own units and shape."""


def restart(done: Array, fresh: PyTree, stepped: PyTree) -> PyTree:
    """Replaces environments (states and observations ``[B, ...]``) whose episode is done by fresh ones.

    Fresh ones are drawn for all environments in one batch, because choosing is cheaper than drawing by need.

    Args:
        done: [B] bool, the episode ended.
        fresh: [B, ...] environments at the start of an episode.
        stepped: [B, ...] environments after a step.
    """
    return jax.tree.map(functools.partial(_where, done), fresh, stepped)


def _where(mask: Array, x: Array, y: Array) -> Array:
    """[B, ...] ``where(mask [B], x [B, ...], y [B, ...])``, in the type of ``y``, which a scan's carry must keep."""
    return jnp.where(mask.reshape(mask.shape + (1,) * (y.ndim - 1)), x.astype(y.dtype), y)
