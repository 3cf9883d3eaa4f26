"""Everything that flows through ``jit``, with its shape.

Axes, always in this order: ``K`` shards, ``T`` time steps, ``B`` environments per shard, ``A`` actions,
``O`` features of a (flattened) observation. A field documented as ``[B]`` gains leading axes under ``vmap`` and
``scan``: an unroll is ``[T, B]``, a set of shards ``[K, ...]``.
"""

from typing import Any, NamedTuple

import jax

Array = jax.Array
PRNGKey = jax.Array
"""A typed key (``jax.random.key``); an array of them has the shape of its batch."""
PyTree = Any


class TimeStep(NamedTuple):
    """What one environment step returns."""

    observation: Array
    """[B, O] the observation that followed, before any reset: where an episode ended, its final one."""
    reward: Array
    """[B] float32, as the environment gives it."""
    terminated: Array
    """[B] bool: the episode ended by its own rules; nothing follows, so nothing is bootstrapped."""
    truncated: Array
    """[B] bool: the episode was cut by its time limit; the value of ``observation`` is bootstrapped."""


class Draws(NamedTuple):
    """What is drawn for one step of every environment; ``T`` of them for an unroll."""

    uniform: Array
    """[B] in [0, 1), of which the policy makes an action."""
    key: Array | None
    """[2] uint32, the bits of the key for the environments' own steps; None where those draw nothing."""
    fresh: tuple[PyTree, Array]
    """Environment states ``[B, ...]`` and observations ``[B, O]`` of the episodes that begin if others end."""


class Transition(NamedTuple):
    """One step as the learner sees it; an unroll stacks ``T`` of them."""

    observation: Array
    """[B, O] float32, what the policy acted on."""
    action: Array
    """[B] int32."""
    reward: Array
    """[B] float32, after clipping and scaling."""
    discount: Array
    """[B] float32: 0 where the episode terminated, else 1."""
    done: Array
    """[B] bool: terminated or truncated; cuts the λ-trace."""
    final_observation: Array
    """[B, O] float32, the observation that followed, before any reset."""
    weight: Array
    """[B] float32: 1 where the step counts in the loss, else 0 (Monte Carlo counts whole episodes only)."""


class Episodes(NamedTuple):
    """Sums over the episodes that ended."""

    ended: Array
    """[] float32, how many."""
    return_sum: Array
    """[] float32, undiscounted and unscaled."""
    length_sum: Array
    """[] float32, in environment steps."""


class ActorState(NamedTuple):
    """Who acts: one shard's environments and its key."""

    key: PRNGKey
    env_state: PyTree
    """[B, ...]"""
    observation: Array
    """[B, O]"""
    episode_return: Array
    """[B] float32, of the running episode."""
    episode_length: Array
    """[B] int32, of the running episode."""


class Moments(NamedTuple):
    """Running mean and variance of observations (Chan et al. 1979), by which they are normalized."""

    seen: Array
    """[] float32, the number of observations."""
    mean: Array
    """[O] float32"""
    variance: Array
    """[O] float32"""


class Params(NamedTuple):
    """All that a policy needs to act: what a server owns and a shard pulls."""

    network: PyTree
    """The weights, which gradients change."""
    moments: Moments
    """The observation statistics, which experience changes."""


class Server(NamedTuple):
    """Who owns the parameters."""

    params: Params
    opt_state: PyTree
    version: Array
    """[] int32, the number of optimizer steps taken."""
    arrivals: Array
    """[] int32, the number of gradients received, whether used or dropped."""


class Metrics(NamedTuple):
    """Of one update: every field a scalar float32, averaged over the updates of a chunk."""

    policy_loss: Array
    value_loss: Array
    entropy: Array
    """In nats."""
    explained_variance: Array
    """1 − Var[return − value] / Var[return]; 1 is a perfect critic, 0 one that predicts the mean."""
    gradient_norm: Array
    """Global L2 norm before clipping."""
    advantage_std: Array
    value_mean: Array
    loss_terms: dict[str, Array]
    """The terms in ``algo.loss_terms`` by name, without their weights; usually none."""
    learning_rate: Array


class Asynchrony(NamedTuple):
    """Who was how stale: counts, which add up over updates."""

    staleness: Array
    """[N] int32: gradients used, by how many versions old they were on arrival; the last bin holds all more."""
    dropped: Array
    """[] int32, gradients above ``algo.max_staleness``."""
    waited: Array
    """[] int32, snapshots pulled anew lest their gradients be above it."""
    shard_pushes: Array
    """[K] int32, gradients pushed by each shard, dropped ones included."""
    versions: Array
    """[] int32, server steps."""


class Lag(NamedTuple):
    """How far the snapshots are behind the server at one moment, means over shards."""

    parameter_distance: Array
    """[] L2 norm of the difference of the weights."""
    policy_kl: Array
    """[] KL(snapshot's policy ‖ server's policy) in nats, over the observations that the shards act on next."""


class Report(NamedTuple):
    """What one update tells."""

    metrics: Metrics
    episodes: Episodes
    asynchrony: Asynchrony | None
    """None for A2C."""


class Waiting(NamedTuple):
    """What threads did not do, since the row before."""

    idle_share: float
    """Of the threads' time, the share spent waiting for the lock or the main loop."""
    contention: float
    """Share of pushes that found the lock taken, or, without a lock, that another push overlapped with."""


class ChunkReport(NamedTuple):
    """What the host learns of a chunk of updates: of a size that does not depend on the chunk's length."""

    metrics: Metrics
    """Averaged over the chunk's updates."""
    episodes: Episodes
    """Of the chunk's ended episodes."""
    asynchrony: Asynchrony | None
    """Added up over the chunk's updates; None for A2C."""
    lag: Lag | None
    """At the end of the chunk; None for A2C."""
    waiting: Waiting | None
    """Of threads."""
    finite: Array
    """[] bool: every metric and every parameter is a finite number."""
