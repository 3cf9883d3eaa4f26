"""Replay of a run with threads from its event log: the same compiled calls in the same order give the same bits.

The log says which shard pushed when. All else follows: a shard read what it had pulled after its previous push.
"""

from jaxac.algos import a3c
from jaxac.algos.realtime.calls import Programs
from jaxac.algos.realtime.host import Cut, Host
from jaxac.config.algos import A3CConfig
from jaxac.errors import ConfigError
from jaxac.reports import ChunkReport, Totals
from jaxac.spec import Spec
from jaxac.storage import events


class Replay:
    """The runtime ``replay``.

    Args:
        algo: the settings; :func:`jaxac.storage.events.check` has found their log ``algo.events`` long enough.
        programs: the compiled calls of shards and server.

    Raises:
        ConfigError: if the log cannot be read.
    """

    def __init__(self, algo: A3CConfig, programs: Programs) -> None:
        assert algo.events is not None
        self._algo, self._programs = algo, programs
        self._pushes = events.read_pushes(algo.events)
        self._host: Host | None = None

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
            ConfigError: if the log belongs to a run with other settings.
        """
        if self._host is None:
            self._host = Host(self._programs, spec, state)
        cuts = [self._update(self._host) for _ in range(num_updates)]
        return self._host.outcome(cuts, before is None, waiting=None)

    def close(self) -> None:
        """Does nothing: a replay has no background work."""

    def _update(self, host: Host) -> Cut:
        cut = None
        while cut is None:
            event = self._pushes[host.pushes]
            if event["shard"] >= len(host.shards) or host.shards[event["shard"]].version != event["read"]:
                raise ConfigError(
                    f"algo.events={self._algo.events} does not fit at push {event['push']}: it is of a run with other "
                    "algo.* settings; give the same ones."
                )
            shard = host.shards[event["shard"]]
            computed = host.compute(shard)
            cut = host.settle(shard, computed, host.apply(shard, computed.gradient), event["seconds"])
        return cut
