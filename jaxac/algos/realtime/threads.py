"""A3C as it was published: one thread per shard, no barrier, and whatever staleness results.

A thread has a gradient computed with its snapshot, pushes it to the server, pulls, and begins again. Who computes it is
the learners' affair (:mod:`jaxac.algos.realtime.learners`): the thread itself, or another process. Threads wait for
each other only at the server's lock (``algo.lock``). The main loop hears of every ``K``-th push through a queue, and
threads run ahead of it by a bounded number of updates, so that logging and evaluating do not hold them up either.
"""

import queue
import threading
import time
from pathlib import Path
from typing import NamedTuple

from jaxac.algos import a3c
from jaxac.algos.realtime.arrivals import Arrival
from jaxac.algos.realtime.calls import Programs
from jaxac.algos.realtime.hogwild import Hogwild
from jaxac.algos.realtime.host import Cut, Host, Shard
from jaxac.algos.realtime.learners import Computed, Learners
from jaxac.config.algos import A3CConfig
from jaxac.errors import ConfigError
from jaxac.reports import ChunkReport, Totals, Waiting
from jaxac.spec import Spec
from jaxac.storage import events

_AHEAD = 8
"""Number of updates that threads may be ahead of the main loop."""


class _Clock(NamedTuple):
    """Work of the threads from the start of the session until a moment."""

    seconds: float
    idle: float
    """Seconds that the threads have waited, added up."""
    contended: int
    """Pushes that found the lock taken."""
    arrivals: int
    """Pushes."""


class Threads:
    """The runtime ``threads``, and the server of the runtime ``ray``.

    Args:
        algo: the algorithm's settings.
        programs: the compiled calls of shards and server.
        num_updates: number of updates of the whole run, after which the threads stop.
        log: the file for the events; None for no log.
        learners: where gradients are computed, closed with the threads; None for the devices of this process.
    """

    def __init__(
        self, algo: A3CConfig, programs: Programs, num_updates: int, log: Path | None, learners: Learners | None = None
    ) -> None:
        self._algo, self._programs, self._log, self._learners = algo, programs, log, learners
        self._total = num_updates * algo.num_shards
        self._host: Host | None = None
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._may_claim = threading.Condition()
        self._claimed = self._limit = 0
        self._closing = False
        self._cuts: queue.Queue[Cut | BaseException] = queue.Queue()
        self._idle = [0.0] * algo.num_shards
        self._contended = self._arrivals = 0
        self._started = 0.0
        self._row = self._now = _Clock(0.0, 0.0, 0, 0)

    def chunk(
        self, spec: Spec, state: a3c.State, num_updates: int, before: Totals | None = None
    ) -> tuple[a3c.State, ChunkReport]:
        """Advances the run by ``num_updates · K`` pushes.

        Args:
            spec: the training program.
            state: the training state to start from; later calls continue from the previous one and ignore theirs.
            num_updates: number of updates.
            before: totals of the row's chunks before; None begins a row.

        Raises:
            ConfigError: if the system gives no thread to a shard.
            Exception: the error that ended a thread.
        """
        if self._host is None:
            self._host = self._start(spec, state)
        self._allow(num_updates)
        cuts = [self._next_cut() for _ in range(num_updates)]
        if self._log:
            events.append(self._log, [event for cut in cuts for event in cut.events])
        return self._host.outcome(cuts, before is None, self._waiting(before is None))

    def close(self) -> None:
        """Ends the threads, each after its current gradient."""
        with self._may_claim:
            self._closing = True
            self._may_claim.notify_all()
        for thread in self._threads:
            thread.join()
        if self._learners:
            self._learners.close()

    def _start(self, spec: Spec, state: a3c.State) -> Host:
        host = (Host if self._algo.lock else Hogwild)(self._programs, spec, state, self._learners)
        if self._log:
            events.truncate(self._log, host.pushes)
        self._claimed, self._limit = host.pushes, host.pushes + _AHEAD * self._algo.num_shards
        self._started = time.perf_counter()
        self._now = _Clock(self._started, 0.0, 0, 0)
        for shard in host.shards:
            thread = threading.Thread(target=self._work, args=(host, shard), name=f"shard {shard.number}", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                raise ConfigError(
                    f"algo.num_shards={self._algo.num_shards} is more threads than the system gives this process: "
                    f"{shard.number}; lower it to that or less."
                ) from None
            self._threads.append(thread)
        return host

    def _work(self, host: Host, shard: Shard) -> None:
        try:
            while self._claim(shard):
                self._deliver(host, shard)
        except BaseException as error:
            self._cuts.put(error)

    def _deliver(self, host: Host, shard: Shard) -> None:
        computed = host.compute(shard)
        if self._algo.lock:
            taken, start = self._lock.locked(), time.perf_counter()
            with self._lock:
                self._idle[shard.number] += time.perf_counter() - start
                arrival = host.apply(shard, computed.gradient)
                self._settle(host, shard, computed, arrival, taken)
        else:
            version = host.version
            arrival = host.apply(shard, computed.gradient)
            with self._lock:  # for the host's records alone
                self._settle(host, shard, computed, arrival, host.version != version)

    def _settle(self, host: Host, shard: Shard, computed: Computed, arrival: Arrival, contended: bool) -> None:
        self._contended, self._arrivals = self._contended + contended, self._arrivals + 1
        for lost in computed.lost:
            host.note(shard, lost, lost.at - self._started)
        cut = host.settle(shard, computed, arrival, time.perf_counter() - self._started)
        if cut:
            self._cuts.put(cut)

    def _claim(self, shard: Shard) -> bool:
        """Waits until another gradient may be begun; False once the threads are to end."""
        start = time.perf_counter()
        with self._may_claim:
            while self._claimed >= min(self._limit, self._total) and not self._closing:
                self._may_claim.wait()
            self._claimed += 1
        self._idle[shard.number] += time.perf_counter() - start
        return not self._closing

    def _allow(self, num_updates: int) -> None:
        with self._may_claim:
            self._limit += num_updates * self._algo.num_shards
            self._may_claim.notify_all()

    def _next_cut(self) -> Cut:
        while True:
            try:
                found = self._cuts.get(timeout=1.0)
            except queue.Empty:
                if not any(thread.is_alive() for thread in self._threads):
                    raise RuntimeError("all of A3C's threads have ended without a word") from None
                continue
            if isinstance(found, BaseException):
                raise found
            return found

    def _waiting(self, begins: bool) -> Waiting:
        """Time that threads spent waiting since the previous row; ``begins`` if the chunk is the first of its row."""
        if begins:
            self._row = self._now
        with self._lock:
            self._now = _Clock(time.perf_counter(), sum(self._idle), self._contended, self._arrivals)
        seconds, idle, contended, arrivals = (
            after - before for after, before in zip(self._now, self._row, strict=True)
        )
        return Waiting(idle / (len(self._idle) * seconds), contended / max(arrivals, 1))
