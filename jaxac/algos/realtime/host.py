"""A3C in real time: one gradient and one arrival after the other, each a compiled call.

Threads make these calls in whatever order they come to them; a replay makes the same calls in the order of a log.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxac.agent import objective
from jaxac.algos import a3c, staleness, trees
from jaxac.algos.arrival import Ledger, Round, Wave
from jaxac.algos.realtime import arrivals
from jaxac.algos.realtime.arrivals import Arrival, Arrivals, Arrived
from jaxac.algos.realtime.calls import Programs
from jaxac.algos.realtime.learners import Computed, Held, Learners, Local, Lost
from jaxac.algos.shard import Gradient
from jaxac.reports import Asynchrony, ChunkReport, Totals, Waiting
from jaxac.spec import Spec
from jaxac.storage.events import Event
from jaxac.types import Params


@dataclass
class Shard:
    """One shard: its snapshot and its environments."""

    number: int
    """Number of the shard, from 0."""
    snapshot: Params
    """The parameters that it acts with, on the server's device."""
    version: int
    """The snapshot's version."""
    pushes: int
    """Gradients pushed since the last pull."""
    actor: Held
    """[N, ...] the blocks of environments, where the shard's learner has them."""


class Cut(NamedTuple):
    """The run after ``updates · K`` pushes: references to arrays, which never change, so taking one costs nothing."""

    updates: int
    """Updates done: a ``K``-th of the pushes."""
    ledger: Ledger
    """The server, its history and the shards' versions."""
    snapshots: list[Params]
    """``K`` snapshots, by shard."""
    actors: list[Held]
    """``K`` shards' blocks of environments, each ``[N, ...]``."""
    arrived: list[Arrived]
    """Pushes since the previous cut."""
    events: list[Event]
    """Events since the previous cut."""


class Host:
    """The server and its shards, as the host sees them.

    Args:
        programs: the compiled calls.
        spec: the training program.
        state: the training state to start from.
        learners: where gradients are computed; None for the devices of this process.
    """

    def __init__(self, programs: Programs, spec: Spec, state: a3c.State, learners: Learners | None = None) -> None:
        self.programs, self.home = programs, jax.local_devices()[0]
        self.learners: Learners = learners or Local(programs.gradient, spec)
        self.spec, self.algo = spec, staleness.settings(spec)
        self._spec_at_home = jax.device_put(spec, self.home)
        self.key, num_shards = state.key, self.algo.num_shards
        self.round = jax.device_put(Round(jnp.ones(num_shards, bool), jnp.zeros(num_shards, jnp.int32)), self.home)
        self.ledger: Ledger = jax.device_put(state.ledger, self.home)
        self.version = int(state.server.version)
        versions, pushes = np.asarray(state.ledger.version), np.asarray(state.ledger.pushes)
        actors = self.learners.take([trees.take(state.actors, number) for number in range(num_shards)])
        self.shards = [
            Shard(
                number,
                jax.device_put(trees.take(state.snapshots, number), self.home),
                int(versions[number]),
                int(pushes[number]),
                actor,
            )
            for number, actor in enumerate(actors)
        ]
        self.events: list[Event] = []
        self.arrived: list[Arrived] = []
        self._row: list[Arrivals] = []
        self.pushes = int(state.round) * num_shards

    def compute(self, shard: Shard) -> Computed:
        """The shard's next gradient; returns once it has been computed."""
        return self.learners.gradient(shard.number, shard.snapshot, shard.actor)

    def apply(self, shard: Shard, gradient: Gradient) -> Arrival:
        """The server takes the gradient, or drops it."""
        self.ledger, outcome = self._push_to(self.ledger, shard, gradient)
        return Arrival(self.version, outcome.steps)

    def newest(self) -> Params:
        """The newest parameters: the result of a pull."""
        return self.ledger.server.params

    def whole_ledger(self) -> Ledger:
        """The ledger to save."""
        return self.ledger

    def note(self, shard: Shard, lost: Lost, seconds: float) -> None:
        """Records a call for the gradient that arrives next, which was lost.

        Args:
            shard: the shard whose gradient it was.
            lost: the call.
            seconds: seconds from the start of the session to the moment at which the loss was noticed.
        """
        place = {"learner": lost.place.number, "host": lost.place.host}
        times = {"seconds": round(seconds, 6), "after": round(lost.seconds, 6)}
        self.events.append({"event": "lost", "push": self.pushes + 1, "shard": shard.number, **place, **times})

    def settle(self, shard: Shard, computed: Computed, arrival: Arrival, seconds: float) -> Cut | None:
        """Records an arrival: versions, the shard's pull, the log's events.

        Args:
            shard: the shard that pushed.
            computed: the result of its unroll.
            arrival: the result of :meth:`apply`.
            seconds: seconds from the start of the session to the arrival.

        Returns:
            A cut after every ``K``-th push, else None.
        """
        age = arrival.version - shard.version  # the server may have moved on since, where nothing is locked
        dropped = self.algo.max_staleness is not None and age > self.algo.max_staleness
        self.pushes, self.version = self.pushes + 1, self.version + (not dropped)
        common = {"push": self.pushes, "shard": shard.number, "version": self.version, "seconds": round(seconds, 6)}
        place = {"learner": computed.place.number, "host": computed.place.host} if computed.place else {}
        own = {"read": shard.version, "dropped": dropped, "locked": self.algo.lock, **place}
        self.events.append({"event": "push", **common, **own})
        number = computed.place and computed.place.number
        self.arrived.append(Arrived(shard.number, age, dropped, arrival, computed.unrolled, number, len(computed.lost)))
        shard.actor, shard.pushes = computed.actor, shard.pushes + 1
        if dropped or shard.pushes >= self.algo.pull_every:
            shard.snapshot, shard.version, shard.pushes = self.newest(), self.version, 0
            self.events.append({"event": "pull", **common})
        return self._cut() if self.pushes % self.algo.num_shards == 0 else None

    def outcome(self, cuts: list[Cut], begins: bool, waiting: Waiting | None) -> tuple[a3c.State, ChunkReport]:
        """The training state after a chunk, and the report of the row so far.

        Args:
            cuts: the chunk's cuts, one per update, oldest first.
            begins: True if the chunk is the first of its row.
            waiting: time that threads spent waiting; None in a replay.
        """
        self._row = [] if begins else self._row
        self._row.append(arrivals.fetch([each for cut in cuts for each in cut.arrived]))
        state = self._state(cuts[-1])
        return state, self._report(state, waiting)

    def _state(self, cut: Cut) -> a3c.State:
        """The training state at a cut, laid out as in the compiled runtime."""
        here = jax.device_put(cut.snapshots, self.home), self.learners.give(cut.actors, self.home)
        snapshots, actors = (jax.tree.map(lambda *rows: jnp.stack(rows), *trees) for trees in here)
        state = a3c.State(self.key, jnp.int32(cut.updates), cut.ledger, snapshots, actors)
        return jax.device_put(state, jax.tree.map(lambda leaf: leaf.sharding, self.programs.layout))

    def _report(self, state: a3c.State, waiting: Waiting | None) -> ChunkReport:
        """The report of the row so far."""
        arrived = jax.tree.map(lambda *parts: np.concatenate(parts), *self._row)
        bins, used = staleness.bins(self.algo), int((~arrived.dropped).sum())
        share = np.full(arrived.shard.size, 1 / arrived.shard.size)
        metrics = objective.metrics(objective.pooled(arrived.unrolled.losses, share))
        steps = jax.tree.map(np.sum, arrived.steps)
        finite = [np.isfinite(np.asarray(leaf)).all() for leaf in jax.tree.leaves((metrics, steps, a3c.params(state)))]
        ages = np.minimum(arrived.staleness[~arrived.dropped], bins - 1)
        asynchrony = Asynchrony(
            staleness=jnp.asarray(np.bincount(ages, minlength=bins)),
            dropped=jnp.int32(arrived.dropped.sum()),
            waited=jnp.int32(0),
            shard_pushes=jnp.asarray(np.bincount(arrived.shard, minlength=self.algo.num_shards)),
            versions=jnp.int32(used),
        )
        episodes = jax.tree.map(np.sum, arrived.unrolled.episodes)
        lag = self.programs.lag(self.spec, state)
        totals = Totals(jnp.int32(arrived.shard.size // self.algo.num_shards), None)
        learners = arrivals.by_learner(arrived, self.learners.count) if self.learners.count else None
        return ChunkReport(
            metrics, steps, episodes, asynchrony, lag, waiting, jnp.asarray(all(finite)), totals, learners
        )

    def _push_to(self, ledger: Ledger, shard: Shard, gradient: Gradient) -> Any:
        wave = Wave(jax.device_put(gradient, self.home), shard.snapshot, jnp.int32(shard.version))
        return self.programs.push(self._spec_at_home, self.round, ledger, np.int32(shard.number), wave)

    def _cut(self) -> Cut:
        snapshots, actors = [each.snapshot for each in self.shards], [each.actor for each in self.shards]
        round_number = self.pushes // self.algo.num_shards
        cut = Cut(round_number, self.whole_ledger(), snapshots, actors, self.arrived, self.events)
        self.arrived, self.events = [], []
        return cut
