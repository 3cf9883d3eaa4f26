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


class Metrics(NamedTuple):
    """Metrics of one update, over all of its steps; in a report of a chunk, their means over its updates."""

    policy_loss: Array
    """[] float32, policy-gradient loss."""
    value_loss: Array
    """[] float32, half the mean squared error of the values, before ``algo.value_coef``."""
    entropy: Array
    """[] float32, mean entropy of the policy in nats."""
    explained_variance: Array
    """[] float32, 1 − Var[return − value] / Var[return]; 1 is a perfect critic, 0 one that predicts the mean."""
    advantage_std: Array
    """[] float32, standard deviation of the advantages, before any normalization."""
    value_mean: Array
    """[] float32, mean of the critic's values."""
    loss_terms: dict[str, Array]
    """[] float32 each, the terms in ``algo.loss_terms`` by name, without their weights; usually none."""

    @property
    def by_name(self) -> dict[str, Array]:
        """The metrics, scalars ``[]``, by their names in a row's section ``train``: a term is ``NAME_loss``."""
        metrics = self._asdict()
        added = metrics.pop("loss_terms")
        return metrics | {f"{name}_loss": value for name, value in added.items()}


class Steps(NamedTuple):
    """Sums over the server's optimizer steps; an update of A3C may have several, or none."""

    taken: Array
    """[] float32, number of steps."""
    gradient_norm: Array
    """[] float32, sum of the global L2 norms of their gradients, before clipping."""
    learning_rate: Array
    """[] float32, sum of their learning rates, after any correction for staleness."""
    gradient_cosine: Array | None = None
    """[] float32, sum of the cosines of each gradient with the one before; None if they are not watched."""
    gradient_noise: Array | None = None
    """[] float32, sum of the shares of their mean squared norm that are noise; None likewise."""

    @property
    def sums(self) -> dict[str, Array]:
        """The sums ``[]`` that there are, by the names that their means have in rows."""
        return {name: value for name, value in self._asdict().items() if name != "taken" and value is not None}

    @property
    def means(self) -> dict[str, Array]:
        """Means ``[]`` over the steps, by their names in rows; not a number if there was no step."""
        return {name: value / self.taken for name, value in self.sums.items()}


class Asynchrony(NamedTuple):
    """Counts of A3C's pushes and pulls, and of the staleness of its gradients; they add up over updates."""

    staleness: Array
    """[N] int32, gradients used, by how many versions old they were on arrival; the last bin holds all older ones."""
    dropped: Array
    """[] int32, gradients dropped because they were older than ``algo.max_staleness``."""
    waited: Array
    """[] int32, snapshots pulled again so that their gradients would not be older than ``algo.max_staleness``."""
    shard_pushes: Array
    """[K] int32, gradients pushed by each shard, dropped ones included."""
    versions: Array
    """[] int32, optimizer steps of the server."""


class Lag(NamedTuple):
    """Distance of the snapshots from the server at one moment, averaged over shards."""

    parameter_distance: Array
    """[] float32, L2 norm of the difference of the weights."""
    policy_kl: Array
    """[] float32, KL(snapshot's policy ‖ server's policy) in nats, over the observations that shards act on next."""


class Report(NamedTuple):
    """Metrics and counts of one update."""

    metrics: Metrics
    """The losses, and what explains them."""
    steps: Steps
    """Sums over the server's optimizer steps."""
    episodes: Episodes
    """Sums over the episodes that ended in this update."""
    asynchrony: Asynchrony | None
    """Counts of pushes and pulls; None for A2C."""


class Totals(NamedTuple):
    """Sums over a row's updates so far: a row may be made of several chunks, each of which adds to those before."""

    updates: Array
    """[] int32, number of updates."""
    report: Report | None
    """Sums of metrics and counts; None if the runtime keeps them itself (threads, replay)."""


class Waiting(NamedTuple):
    """Time that threads spent waiting since the previous row."""

    idle_share: float
    """Share of the threads' time, in [0, 1], that they waited for the lock or the main loop."""
    contention: float
    """Share of pushes, in [0, 1], that found the lock taken or, without a lock, overlapped with another push."""


class ChunkReport(NamedTuple):
    """Metrics and counts of a row's updates so far; its size does not depend on their number."""

    metrics: Metrics
    """Means over the updates."""
    steps: Steps
    """Sums over the server's optimizer steps."""
    episodes: Episodes
    """Sums over the episodes that ended in them."""
    asynchrony: Asynchrony | None
    """Sums over the updates; None for A2C."""
    lag: Lag | None
    """Distance of the snapshots from the server at the end of the chunk; None for A2C."""
    waiting: Waiting | None
    """Time that threads spent waiting; None without threads."""
    finite: Array
    """[] bool: every metric and every parameter is a finite number."""
    totals: Totals | None = None
    """The sums behind the means, for a next chunk of the same row."""
    learners: dict[str, Any] | None = None
    """Counts of ``N`` learners in processes of their own since the previous row, by their names in rows."""
