"""Ways to train that are held against each other."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

K = 16
"""Shards."""
A2C = "A2C, synchronous mean"
"""The arm that all others are held against."""
NULL = "K = 1, correction none"
"""A3C with one shard, which is A2C: whatever difference from A2C it shows is none."""
TURN = "workers in turn, nothing stale"
ROUND = "gradients of the round's start, applied one by one"
A3C = "A3C: shuffled arrival, pull after push"
PARETO = "heavy tails (Pareto, mean 8)"
DELAYED = "random delays (geometric, mean 8)"
CORRECTIONS = {
    "none": (),
    "η/τ": ("algo.correction=learning_rate",),
    "DC-ASGD": ("algo.correction=delay_compensation",),
}
RMSPROP = ("optimizer=rmsprop", "optimizer.learning_rate=3e-4")
OWN_BONUSES = "A3C, an entropy bonus by shard"
ONE_BONUS = "A3C, the same mean bonus for all shards"
BONUSES = tuple(10 ** (-4 + 3 * shard / (K - 1)) for shard in range(K))
"""Entropy coefficients by shard, evenly from 1e-4 to 0.1 in the logarithm."""
WORKERS = (1, 2, 4, 8, 16)
"""Numbers of workers that the paper's Table 2 tells of."""
ENVS_OF_A_WORKER = 8
_MOMENTUM = 0.5
MOMENTA = (0.0, _MOMENTUM, 0.8, 0.9)
"""Adam's β₁, of which the second is the default."""
SHARDS = (1, 4, 16, 64)
SLOWER = (2, 4, 8)
"""How many times as long as the other shards' one shard's unrolls take."""


@dataclass(frozen=True)
class Arm:
    """One way to train, and where it stands in the tables."""

    group: str
    name: str
    overrides: tuple[str, ...]
    abscissa: float | None = None
    """The arm's place in the group's plot, if it has one."""
    correction: str = "none"
    rate_factor: float = 1.0
    """The grid of rates is around the default times this: lower where delays ask for it."""
    waits: int = 1
    """A round takes so many times as long as a shard's unroll, so that fewer fit into the same time."""
    num_envs: int | None = None
    """Environments in all, if others than the task's."""


def a3c(shards: int = K) -> tuple[str, ...]:
    """Overrides of A3C with so many shards."""
    return "+algo=a3c", f"algo.num_shards={shards}"


def ladder() -> Iterator[Arm]:
    """One thing is added at a time, from A2C to A3C and further."""
    yield Arm("ladder", A2C, ("+algo=a2c", f"algo.num_shards={K}"))
    yield Arm("shards", NULL, a3c(1), 1)
    yield Arm("ladder", TURN, (*a3c(), "algo.max_staleness=0"))
    yield Arm("ladder", ROUND, (*a3c(), "algo.pull_at=round"))
    yield Arm("ladder", A3C, a3c())
    yield Arm("ladder", DELAYED, (*a3c(), "algo.delay.distribution=geometric", "algo.delay.mean=8"))


def unequal() -> Iterator[Arm]:
    """One shard of sixteen is slower: A2C waits for it at every update, A3C does not."""
    for slower in SLOWER:
        yield Arm("unequal", waiting(slower), ("+algo=a2c", f"algo.num_shards={K}"), slower, waits=slower)
        periods = ",".join(["1"] * (K - 1) + [str(slower)])
        yield Arm("unequal", going_on(slower), (*a3c(), f"algo.shard_periods=[{periods}]"), slower)


def waiting(slower: int) -> str:
    """The name of the arm of A2C whose barrier waits for the slow shard."""
    return f"A2C that waits for a shard {slower} times as slow"


def going_on(slower: int) -> str:
    """The name of the arm of A3C with a slow shard."""
    return f"A3C with a shard {slower} times as slow"


def knobs() -> Iterator[Arm]:
    """Arms that turn one knob of A3C: more or fewer shards, longer delays, each with corrections; own statistics."""
    pareto = ("algo.delay.distribution=pareto", "algo.delay.mean=8")
    yield Arm("tails", PARETO, (*a3c(), *pareto))
    for correction, overrides in CORRECTIONS.items():
        for shards in (16, 64) if overrides else SHARDS:
            name = f"K = {shards}, correction {correction}"
            yield Arm("shards", name, (*a3c(shards), *overrides), shards, correction)
    for correction, overrides in CORRECTIONS.items():
        for delay in (0, 64) if overrides else (0, 16, 64):
            delayed = ("algo.delay.distribution=constant", f"algo.delay.mean={delay}") if delay else ()
            factor = 1 if correction == "η/τ" else (K - 1) / (K - 1 + delay)  # η/τ lowers the rate by itself
            chosen = (*a3c(), *overrides, *delayed)
            yield Arm("delays", f"delay {delay}, correction {correction}", chosen, delay, correction, factor)
    for shared in ("true", "false"):
        name = f"RMSProp, {'shared' if shared == 'true' else 'own'} statistics"
        yield Arm("statistics", name, (*a3c(), *RMSPROP, f"algo.shared_statistics={shared}"))


def momenta() -> Iterator[Arm]:
    """Arms that differ from those of more or fewer shards in Adam's β₁."""
    for shards in SHARDS:
        for momentum in MOMENTA:
            if momentum != _MOMENTUM:
                overrides = (*a3c(shards), f"optimizer.momentum={momentum}")
                yield Arm("momentum", with_momentum(shards, momentum), overrides)


def with_momentum(shards: int, momentum: float) -> str:
    """The name of the arm of A3C with so many shards and this β₁."""
    return f"K = {shards}, " + ("correction none" if momentum == _MOMENTUM else f"β₁ = {momentum:g}")


def pairs() -> Iterator[tuple[str, str, str]]:
    """Arms that differ in one knob: what is turned, the name of the arm before, and of the one after."""
    yield "staleness by more shards: 4 to 64", "K = 4, correction none", "K = 64, correction none"
    yield "delays, geometric", A3C, DELAYED
    yield "delays with heavy tails, against geometric", DELAYED, PARETO
    for correction in list(CORRECTIONS)[1:]:
        for where in ("K = 16", "K = 64", "delay 64"):
            yield f"{correction}, {where}", f"{where}, correction none", f"{where}, correction {correction}"
    yield "RMSProp's statistics, own to shared", "RMSProp, own statistics", "RMSProp, shared statistics"


def more_workers() -> Iterator[Arm]:
    """A3C with more and more workers, each with environments of its own."""
    for count in WORKERS:
        yield Arm("workers", working(count), a3c(count), count, num_envs=count * ENVS_OF_A_WORKER)


def working(count: int) -> str:
    """The name of the arm of A3C with so many workers."""
    return f"{count} worker{'s' * (count > 1)} of {ENVS_OF_A_WORKER} environments"


def apart() -> list[str]:
    """The names of arms that are not held against A2C: more workers, who have fewer environments, and other β₁."""
    return [*(working(count) for count in WORKERS), *(arm.name for arm in momenta())]


def bonuses() -> Iterator[Arm]:
    """Shards that are told to explore: each by a bonus of its own, or all by the mean of these."""
    own = ",".join(f"{bonus:.6f}" for bonus in BONUSES)
    yield Arm("bonuses", OWN_BONUSES, (*a3c(), f"algo.entropy_coef=[{own}]"))
    yield Arm("bonuses", ONE_BONUS, (*a3c(), f"algo.entropy_coef={sum(BONUSES) / K:.6f}"))


OF_ONE_TASK = ("tails", "shards", "delays", "statistics", "momentum", "workers", "bonuses")
"""Groups of arms that not every task has."""


def arms(more: Collection[str] = ()) -> list[Arm]:
    """The arms of a task: those that every task has, and those of further groups."""
    every = [*ladder(), *unequal()]
    known = {arm.name for arm in every}
    others = [arm for arm in [*knobs(), *momenta(), *more_workers(), *bonuses()] if arm.name not in known]
    return [*every, *(arm for arm in others if arm.group in more)]


def trained(results: Collection[str]) -> list[Arm]:
    """The arms that have results, in the order of the tables."""
    return [arm for arm in arms(OF_ONE_TASK) if arm.name in results]
