"""Reports of training: metrics and counts of an update, of a chunk, and of a row, with their shapes.

``K`` are shards, ``N`` what a docstring says; ``[]`` is a scalar.
"""

from typing import Any, NamedTuple

from jaxac.types import Array, Episodes


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
