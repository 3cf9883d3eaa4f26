"""How many learners can one server serve? A simulation, and the closed form beside it; nothing is trained.

    python -m experiments.weak_scaling       1 to 4096 learners: seconds on one core

Learners draw the times of their unrolls; the server takes their gradients one by one, in the order of arrival, and
answers each with the newest parameters.
"""

import argparse
import heapq
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments.common import save

LEARNERS = (1, 4, 16, 64, 256, 1024, 4096)
UNROLL = 11e-3
"""Seconds of an unroll: 2048 environments of CartPole × 16 steps on one core (docs/guide/cluster.md)."""
MESSAGE, BANDWIDTH = 1e-3, 650e6
"""Of a push with Ray on one machine: seconds of the server whatever its size, and bytes a second for those of gradient
and parameters; together about 1000 pushes a second of up to 70 KB, and 115 of 5 MB."""
SPREAD = 0.3
"""Standard deviation of the times of unrolls, over their mean."""
CASES: Mapping[str, Mapping[str, float]] = {
    "5 KB": {"size": 5e3},
    "5 KB, unrolls ten times as long": {"size": 5e3, "unroll": 10 * UNROLL},
    "5 KB, softsync of 16": {"size": 5e3, "group": 16},
    "5 MB": {"size": 5e6},
    "5 MB, 8 servers with a part each": {"size": 5e6, "servers": 8},
    "5 MB, unrolls ten times as long": {"size": 5e6, "unroll": 10 * UNROLL},
}


def push_seconds(size: float, servers: float = 1) -> float:
    """Seconds of a server for a push of ``size`` bytes; each of several takes a part of every push."""
    return MESSAGE + size / servers / BANDWIDTH


def simulate(learners: int, unroll: float, push: float, group: int = 1, seed: int = 0) -> dict[str, float]:
    """The steady state of a server and its learners.

    Args:
        learners: their number.
        unroll: mean seconds of an unroll, with whatever passes between learner and server.
        push: seconds that the server is busy with a gradient.
        group: gradients that one step of the server averages, softsync's.
        seed: of the times.

    Returns:
        ``pushes`` a second, the ``busy`` share of the server, the share of their time that learners are ``computing``,
        and the mean ``staleness`` in versions.
    """
    sigma, warm, counted = math.sqrt(math.log1p(SPREAD**2)), 10 * learners, max(20_000, 20 * learners)
    drawn = np.random.default_rng(seed).lognormal(-(sigma**2) / 2, sigma, learners + warm + counted)
    times = (unroll * drawn).tolist()
    arriving = [(time, learner) for learner, time in enumerate(times[:learners])]
    heapq.heapify(arriving)
    read, free, begun, stale = [0] * learners, 0.0, 0.0, 0
    for number, time in enumerate(times[learners:]):
        arrived, learner = heapq.heappop(arriving)
        free = max(arrived, free) + push
        if number < warm:
            begun = free
        else:
            stale += number // group - read[learner]
        read[learner] = (number + 1) // group
        heapq.heappush(arriving, (free + time, learner))
    rate, mean = counted / (free - begun), sum(times[-counted:]) / counted
    shares = {"busy": rate * push, "computing": rate * mean / learners}
    return {"pushes": rate, **shares, "staleness": stale / counted}


def expected(learners: int, unroll: float, push: float, group: int = 1) -> dict[str, float]:
    """What paper and pencil say: as many pushes as the learners make, or as the server can take.

    Between two pushes of a learner all others push once, whoever waits for whom: so the mean staleness.
    """
    rate = min(learners / unroll, 1 / push)
    return {"pushes": rate, "busy": rate * push, "staleness": (learners - 1) / group}


def case(name: str, learners: int) -> dict[str, Any]:
    """One case with so many learners, simulated and on paper."""
    given = {"unroll": UNROLL, "servers": 1, "group": 1, **CASES[name]}
    push = push_seconds(given["size"], given["servers"])
    found, paper = (function(learners, given["unroll"], push, int(given["group"])) for function in (simulate, expected))
    shares = f"server busy {found['busy']:4.0%}, learners {found['computing']:6.1%}"
    pushes = f"{found['pushes']:6,.0f} pushes a second, on paper {paper['pushes']:6,.0f}"
    print(f"{name:32}{learners:6d} {pushes}, {shares}, staleness {found['staleness']:7,.1f}", flush=True)
    return {"case": name, "learners": learners, **given, "push": push, "simulated": found, "on_paper": paper}


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    cases = [case(name, learners) for name in CASES for learners in LEARNERS]
    print(f"written to {save('weak_scaling', {'spread': SPREAD, 'cases': cases})}")


if __name__ == "__main__":
    main()
