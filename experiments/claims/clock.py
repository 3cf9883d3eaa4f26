"""The claims on a real clock: shards whose unrolls take their time, with a barrier and without.

    python -m experiments.claims.clock              unequal shards, then more and more workers: an hour and a half
    python -m experiments.claims.clock --parts ray  some parts
    python -m experiments.claims.clock --quick      two short runs

A shard waits until its unroll has lasted as long as a slow environment would take, a simulator or a machine elsewhere;
then it pushes. So shards run side by side on a few cores, as on a cluster, and everything else takes the time that it
takes: gradients, the server, its lock, messages. A2C's barrier lasts as long as its slowest shard. Learning rates are
those that :mod:`experiments.claims` has chosen for the same inequality, or number of workers, in virtual time. Runs are
saved one by one, so an experiment that was stopped goes on where it was.
"""

import argparse
import itertools
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments.claims import arms
from experiments.claims.arms import K
from experiments.claims.tasks import NUM_ENVS, TASKS, UNROLL
from experiments.claims.verdicts import SOLVED
from experiments.common import load, mean_return, parts, prepare, save
from jaxac.config.algos import A3CConfig
from jaxac.config.compose import make_config
from jaxac.config.schema import Config

COMMAND = "experiments.claims.clock"
NAME, TASK = "claims_clock", "CartPole"
RUNTIMES = {"threads": "threads", "ray": "Ray"}
"""Where more and more workers run, and its name."""
PARTS = ("unequal", *RUNTIMES)
ALGOS = ("A2C", "A3C")
SECONDS = 0.1
"""Of an unroll where no shard is slower."""
ROUNDS = TASKS[TASK].env_steps // (NUM_ENVS * UNROLL)
"""In which a run of A2C ends where no shard is slower: as many as in virtual time."""
LOOKS = 20
"""Evaluations of a run of unequal shards, evenly over its time."""
PROCESSES = 2
"""Of Ray's learners, which the shards share: each computes for a small part of an unroll's time."""
REPORT = 4
"""Rounds after which A3C's main loop hears of its threads."""
LONGEST = 60.0
"""Seconds after which workers that have not solved the task are given up."""
SPREAD = 1.0
"""Standard deviation of the logarithm of an unroll's time, where it is drawn; the mean is the same."""


@dataclass(frozen=True)
class Pace:
    """How long unrolls last: all alike, one shard's longer, or each drawn."""

    name: str
    slower: int = 1
    """How many times as long the last shard's unrolls take."""
    random: bool = False

    def draw(self, seed: int, shard: int) -> Iterator[float]:
        """Seconds of a shard's unrolls, one after the other, for ever."""
        generator = np.random.default_rng((seed, shard))
        mean = SECONDS * (self.slower if shard == K - 1 else 1)
        while True:
            yield mean * (generator.lognormal(-(SPREAD**2) / 2, SPREAD) if self.random else 1.0)

    @property
    def barrier(self) -> float:
        """The mean time of a barrier of all shards, over that of an unroll where no shard is slower."""
        unrolls = [list(itertools.islice(self.draw(0, shard), 1000)) for shard in range(K)]
        return float(np.max(unrolls, axis=0).mean() / SECONDS)


PACES = (
    Pace("all alike"),
    *(Pace(f"one {slower} times as slow", slower) for slower in arms.SLOWER),
    Pace("each unroll drawn", random=True),
)
"""Inequalities of shards."""


class Paced:
    """Learners whose every gradient takes its time at least.

    Args:
        learners: who compute.
        times: seconds of unrolls, by shard.
    """

    def __init__(self, learners: Any, times: Sequence[Iterator[float]]) -> None:
        self._learners, self._times = learners, times
        self.count, self.take, self.give = learners.count, learners.take, learners.give
        self.close = learners.close

    def gradient(self, number: int, params: Any, actor: Any) -> Any:
        """A shard's gradient, no sooner than its unroll lasts."""
        end = time.perf_counter() + next(self._times[number])
        computed = self._learners.gradient(number, params, actor)
        time.sleep(max(0.0, end - time.perf_counter()))
        return computed


def configured(algo: str, arm: str, seed: int, shards: int = K, rounds: float = ROUNDS, *more: str) -> Config:
    """A run at the learning rate that was chosen for an arm in virtual time; it is ended by its clock.

    Args:
        algo: the algorithm's name.
        arm: the arm's name.
        seed: the run's seed.
        shards: their number.
        rounds: the rate falls linearly to 0 within so many of ``NUM_ENVS`` environments, as in virtual time.
        more: further overrides.
    """
    rate = load("claims")["tasks"][TASK][arm]["learning_rate"]
    anneal = round(rounds * NUM_ENVS * UNROLL)
    return make_config(
        f"+algo={algo}",
        *TASKS[TASK].overrides,
        f"algo.num_shards={shards}",
        f"env.num_envs={NUM_ENVS * shards // K}",
        f"seed={seed}",
        "total_env_steps=100_000_000",
        "evaluation.episodes=64",
        f"optimizer.learning_rate={rate}",
        f"optimizer.anneal_env_steps={anneal}",
        *more,
    )


class Course:
    """What a run has reached, on its clock: evaluations every so many seconds, up to an end."""

    def __init__(self, every: float, end: float, until: float = np.inf) -> None:
        self.seconds: list[float] = []
        self.returns: list[float] = []
        self._every, self._end, self._until = every, end, until

    def due(self, now: float) -> bool:
        """True if an evaluation is due at ``now`` seconds."""
        return now >= self._every * (len(self.seconds) + 1)

    def note(self, now: float, returned: float) -> None:
        """Records an evaluation of the parameters of ``now``."""
        self.seconds.append(round(now, 4))
        self.returns.append(returned)

    def told(self, more: dict[str, Any]) -> dict[str, Any]:
        """A run's result: its evaluations, and ``more``."""
        return {"seconds": self.seconds, "returns": self.returns, **more}

    @property
    def over(self) -> bool:
        """True if the run is to end."""
        return bool(self.seconds) and (
            self.seconds[-1] >= self._end - self._every / 2 or self.returns[-1] >= self._until
        )


def synchronous(pace: Pace, seed: int, rate_of: str, course: Course) -> dict[str, Any]:
    """A2C, whose every update lasts as long as its slowest shard. The clock stands while it is evaluated."""
    import jax

    from jaxac import spec
    from jaxac.programs import program

    config = configured("a2c", rate_of, seed, K, ROUNDS / pace.barrier)
    numbers = spec.make(config)
    compiled = program.compile_program(config, numbers)
    train_key, evaluation_key = program.keys(seed)
    state, updates, clock = compiled.init(numbers, train_key), 0, 0.0
    times = [pace.draw(seed, shard) for shard in range(K)]
    while not course.over:
        start = time.perf_counter()
        state, _ = jax.block_until_ready(compiled.chunk(numbers, state, 1))
        time.sleep(max(0.0, start + max(next(each) for each in times) - time.perf_counter()))
        updates, clock = updates + 1, clock + time.perf_counter() - start
        if course.due(clock):
            course.note(clock, mean_return(compiled, numbers, state, evaluation_key, updates))
    return {"pushes": updates * K}


def asynchronous(
    pace: Pace, seed: int, rate_of: str, course: Course, shards: int = K, runtime: str = "threads"
) -> dict[str, Any]:
    """A3C, by threads or with Ray's learners, which do not wait for an evaluation either."""
    from jaxac import spec
    from jaxac.algos.realtime.learners import Local
    from jaxac.algos.realtime.pool import Pool
    from jaxac.algos.realtime.threads import Threads
    from jaxac.programs import program

    config = configured("a3c", rate_of, seed, shards, ROUNDS, f"algo.runtime={runtime}")
    assert isinstance(config.algo, A3CConfig)
    numbers = spec.make(config)
    compiled = program.compile_shared(program.Signature.of(config, numbers))
    if runtime == "ray":
        learners: Any = Pool(numbers, compiled.state, PROCESSES, config.compilation_cache)
    else:
        learners = Local(compiled.chunk.gradient, numbers)
    times = [pace.draw(seed, shard + K - shards) for shard in range(shards)]
    train_key, evaluation_key = program.keys(seed)
    state, updates, ages = compiled.init(numbers, train_key), 0, 0.0
    paced = Paced(learners, times)
    with closing(Threads(config.algo, compiled.chunk, config.num_updates, None, paced)) as threads:
        start = time.perf_counter()
        while not course.over:
            state, report = threads.chunk(numbers, state, REPORT)
            now, updates = time.perf_counter() - start, updates + REPORT
            assert report.asynchrony
            counts = np.asarray(report.asynchrony.staleness)
            ages += float(counts @ np.arange(counts.size)) / shards
            if course.due(now):
                course.note(now, mean_return(compiled, numbers, state, evaluation_key, updates))
    return {"pushes": updates * shards, "staleness": ages / updates}


def unequal(found: dict[str, Any], seeds: int, seconds: float, paces: Sequence[Pace]) -> Iterator[str]:
    """Runs A2C and A3C at every pace for the same time, as far as there are no results; tells of each."""
    rates = {pace.name: (arms.A2C, arms.A3C) for pace in paces}
    rates |= {pace.name: (arms.waiting(pace.slower), arms.going_on(pace.slower)) for pace in paces if pace.slower > 1}
    for seed in range(seeds):
        for pace in paces:
            for algo, run, rate_of in zip(ALGOS, (synchronous, asynchronous), rates[pace.name], strict=True):
                runs = found.setdefault("unequal", {}).setdefault(pace.name, {}).setdefault(algo, [])
                if len(runs) <= seed:
                    course = Course(seconds / LOOKS, seconds)
                    runs.append(course.told(run(pace, seed, rate_of, course)))
                    yield f"{pace.name}, {algo}, seed {seed}: mean return {np.mean(course.returns):.0f}"


def more_workers(found: dict[str, Any], seeds: int, runtime: str) -> Iterator[str]:
    """Runs ever more workers until they solve the task, as far as there are no results; tells of each."""
    for seed in range(seeds):
        for count in arms.WORKERS:
            runs = found.setdefault(runtime, {}).setdefault(str(count), [])
            if len(runs) <= seed:
                course = Course(4 * SECONDS, LONGEST, SOLVED)
                runs.append(course.told(asynchronous(PACES[0], seed, arms.working(count), course, count, runtime)))
                yield f"{count} workers, {runtime}, seed {seed}: {course.seconds[-1]:.1f} s"


def part(name: str, found: dict[str, Any], args: argparse.Namespace) -> Iterator[str]:
    """Runs of one part, one after the other."""
    if name == "unequal":
        yield from unequal(found, args.seeds, SECONDS * ROUNDS, PACES)
    else:
        yield from more_workers(found.setdefault("workers", {}), args.seeds, name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--quick", action="store_true", help="two short runs, which are not saved")
    args = parser.parse_args()
    if len(args.parts) > 1 and not args.quick:
        for name in args.parts:  # Ray's process is one of its own
            subprocess.run([sys.executable, "-m", COMMAND, "--parts", name, f"--seeds={args.seeds}"], check=True)
        return
    from jaxac.algos.realtime import cluster

    runtime = "ray" if args.parts == ["ray"] else "threads"
    with cluster.joined([configured("a3c", arms.A3C, 0, K, ROUNDS, f"algo.runtime={runtime}").algo]):
        prepare(by_threads=True)
        if args.quick:
            print("\n".join(unequal({}, seeds=1, seconds=10 * SECONDS, paces=PACES[:1])))
            return
        found = parts(load(NAME), "unequal", "workers")
        for line in part(args.parts[0], found, args):
            save(NAME, {"unroll_seconds": SECONDS, **found}, f"python -m {COMMAND}")
            print(line, flush=True)


if __name__ == "__main__":
    main()
