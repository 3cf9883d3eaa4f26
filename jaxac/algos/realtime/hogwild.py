"""Updates without a lock: every thread adds to the shared parameters, leaf by leaf, while the others do the same.

Recht et al. 2011, "Hogwild!: A Lock-Free Approach to Parallelizing Stochastic Gradient Descent". The shared memory is
the host's: numpy arrays that are changed in place.
"""

from typing import Any, cast

import jax
import numpy as np

from jaxac.algos import a3c
from jaxac.algos.arrival import Ledger
from jaxac.algos.realtime.arrivals import Arrival
from jaxac.algos.realtime.calls import Programs
from jaxac.algos.realtime.host import Host, Shard
from jaxac.algos.realtime.learners import Learners
from jaxac.algos.shard import Gradient
from jaxac.spec import Spec
from jaxac.types import Array, Params, Server


class Hogwild(Host):
    """A :class:`Host` whose server is a set of shared arrays that may belong to different versions."""

    def __init__(self, programs: Programs, spec: Spec, state: a3c.State, learners: Learners | None = None) -> None:
        super().__init__(programs, spec, state, learners)
        server = self.ledger.server
        leaves, self._tree = jax.tree.flatten((server.params.network, server.opt_state))
        self._leaves = [np.array(leaf) for leaf in leaves]
        self._moments = server.params.moments  # replaced as a whole: a mixture of two would be no moments

    def apply(self, shard: Shard, gradient: Gradient) -> Arrival:
        """Reads the parameters, steps from there, and adds the difference; others may have stepped in between."""
        version, read = self.version, [leaf.copy() for leaf in self._leaves]
        server = self._server(read)._replace(version=cast(Array, np.int32(version)))
        ledger, outcome = self._push_to(self.ledger._replace(server=server), shard, gradient)
        stepped = jax.tree.leaves((ledger.server.params.network, ledger.server.opt_state))
        for leaf, before, after in zip(self._leaves, read, stepped, strict=True):
            np.add(leaf, np.asarray(after) - before, out=leaf)
        self._moments = ledger.server.params.moments
        return Arrival(version, outcome.steps)

    def newest(self) -> Params:
        """The newest parameters, whose leaves may belong to different versions."""
        return self._server([leaf.copy() for leaf in self._leaves]).params

    def whole_ledger(self) -> Ledger:
        """The ledger to save, with the server's leaves as they are now."""
        versions: Any = np.array([each.version for each in self.shards], np.int32)
        pushes: Any = np.array([each.pushes for each in self.shards], np.int32)
        server = self._server([leaf.copy() for leaf in self._leaves])
        return self.ledger._replace(server=server, version=versions, pushes=pushes)

    def _server(self, leaves: list[np.ndarray]) -> Server:
        network, opt_state = jax.tree.unflatten(self._tree, leaves)
        version, arrivals = cast(Array, np.int32(self.version)), cast(Array, np.int32(self.pushes))
        return Server(Params(network, self._moments), opt_state, version, arrivals)
