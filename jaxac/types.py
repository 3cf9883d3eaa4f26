"""Everything that flows through ``jit``, with its shape.

Axes, always in this order: ``K`` shards, ``T`` time steps, ``B`` environments per shard, ``O`` features of a
(flattened) observation, ``A`` actions to choose from, or ``N`` numbers that make up a continuous one. A field
documented as ``[B]`` gains leading axes under ``vmap`` and ``scan``: an unroll is ``[T, B]``, a set of shards
``[K, ...]``. ``[]`` is a scalar.
"""

from typing import Any, NamedTuple

import jax

Array = jax.Array
PRNGKey = jax.Array
"""A typed key (``jax.random.key``); an array of them has the shape of its batch."""
PyTree = Any


class TimeStep(NamedTuple):
    """One step of ``B`` environments, before any of them is reset."""

    observation: Array
    """[B, O] the observation that followed; where an episode ended, its final one."""
    reward: Array
    """[B] float32, the environment's own reward, neither clipped nor scaled."""
    terminated: Array
    """[B] bool: the episode ended by its own rules; nothing follows, so nothing is bootstrapped."""
    truncated: Array
    """[B] bool: the episode was cut by its time limit; the value of ``observation`` is bootstrapped."""


class Draws(NamedTuple):
    """Random numbers and starts of episodes for one step of every environment; an unroll has ``T`` of them."""

    noise: Array
    """[B] uniform numbers in [0, 1), which select the actions; [B, N] normal ones, which make continuous ones."""
    key: Array | None
    """[2] uint32, the bits of the key for the environments' own steps; None where those draw nothing."""
    start: tuple[PyTree, Array] | Array
    """[B, ...] states and observations of episodes that begin where others end; by need, [B, 2] bits of their keys."""


class Transition(NamedTuple):
    """One step as the learner sees it; an unroll stacks ``T`` of them."""

    observation: Array
    """[B, O], the observation that the policy acted on: float32, or the environment's own 8 bits."""
    action: Array
    """[B] int32, the action taken; of continuous ones [B, N] float32, before it is brought within bounds."""
    reward: Array
    """[B] float32, the reward, clipped, scaled and normalized."""
    discount: Array
    """[B] float32: 0 where the episode terminated, else 1."""
    done: Array
    """[B] bool: terminated or truncated; cuts the λ-trace."""
    final_observation: Array
    """[B, O], the observation that followed, before any reset; of the same type."""
    weight: Array
    """[B] float32: 1 where the step counts in the loss, else 0 (Monte Carlo counts whole episodes only)."""
    discounted_return: Array | None = None
    """[B] float32, the episode's discounted return with this reward, not yet normalized; None if it never is."""


class Episodes(NamedTuple):
    """Sums over the episodes that ended."""

    ended: Array
    """[] float32, number of episodes that ended."""
    return_sum: Array
    """[] float32, sum of their returns, undiscounted and unscaled."""
    length_sum: Array
    """[] float32, sum of their lengths in environment steps."""


class ActorState(NamedTuple):
    """One shard's environments and its random key: everything that acting changes."""

    key: PRNGKey
    """[] the key for the next unroll."""
    env_state: PyTree
    """[B, ...] states of the environments."""
    observation: Array
    """[B, O] observations that the next step acts on."""
    episode_return: Array
    """[B] float32, returns so far of the running episodes, undiscounted and unscaled."""
    episode_length: Array
    """[B] int32, steps so far of the running episodes; with ``env.stagger_starts`` the first have a head start, which
    the environment's own clock does not know of."""
    counted: Array
    """[B] float32: 1 if the running episode counts in sums; 0 if it is cut early, or not the first of Monte Carlo's."""
    discounted_return: Array | None = None
    """[B] float32, discounted returns so far, of rewards before they are normalized; None if they are not."""
    memory: PyTree = ()
    """[B, H] float32 each, the network's memory of the running episodes, zero at their start; () if it has none."""


class Moments(NamedTuple):
    """Running mean and variance (Chan et al. 1979) of observations, and of returns beside them, to normalize by."""

    seen: Array
    """[] float32, number of observations."""
    mean: Array
    """[O] float32, mean of each feature."""
    variance: Array
    """[O] float32, variance of each feature."""
    returns: "Moments | None" = None
    """The moments of discounted returns, ``O = 1``; None if rewards are not normalized."""


class Params(NamedTuple):
    """All that a policy needs to act: what a server owns and a shard pulls."""

    network: PyTree
    """The weights, which gradients change."""
    moments: Moments
    """The observation statistics, which experience changes."""


class Watched(NamedTuple):
    """Gradients as they come to the server, so far: with ``algo.watch_gradients``."""

    last: PyTree
    """The newest gradient, shaped like the weights."""
    mean: PyTree
    """The exponential mean of gradients, not corrected for its beginning at 0."""
    square: Array
    """[] float32, the exponential mean of their squared norms, likewise."""
    steps: Array
    """[] int32, number of gradients."""


class Server(NamedTuple):
    """The parameters, the optimizer's state and the count of versions: all that gradients change."""

    params: Params
    """The newest parameters."""
    opt_state: PyTree
    """The optimizer's state."""
    version: Array
    """[] int32, number of optimizer steps taken."""
    arrivals: Array
    """[] int32, number of gradients received, whether used or dropped."""
    watched: Watched | None = None
    """The gradients of its steps; None if they are not watched."""
