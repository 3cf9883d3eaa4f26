"""A run with threads once more, from its event log: the same compiled calls in the same order, so the same bits.

The log says which shard pushed when. All else follows: what a shard read is what it pulled after its push before.
"""

from jaxac.algos import a3c
from jaxac.algos.realtime.host import Cut, Host, Programs
from jaxac.config.schema import A3CConfig
from jaxac.errors import ConfigError
from jaxac.spec import Spec
from jaxac.storage import events
from jaxac.types import ChunkReport


class Replay:
    """The runtime ``replay``, of a log that :func:`jaxac.storage.events.check` found long enough.

    Raises:
        ConfigError: if the log cannot be read.
    """

    def __init__(self, algo: A3CConfig, programs: Programs) -> None:
        assert algo.events is not None
        self._algo, self._programs = algo, programs
        self._pushes = events.read_pushes(algo.events)
        self._host: Host | None = None

    def chunk(self, spec: Spec, state: a3c.State, num_updates: int) -> tuple[a3c.State, ChunkReport]:
        """The run ``num_updates · K`` pushes later.

        Args:
            state: where to start; later calls go on from the state before, whatever they are given.

        Raises:
            ConfigError: if the log is of another run.
        """
        if self._host is None:
            self._host = Host(self._programs, spec, state)
        cuts = [self._update(self._host) for _ in range(num_updates)]
        return self._host.outcome(cuts, waiting=None)

    def close(self) -> None:
        """Nothing to end."""

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
