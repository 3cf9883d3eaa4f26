"""Functions that experiments share: training in memory, timing in turn, recording where a result was made."""

import functools
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxac import names
from jaxac.config.schema import Config

if TYPE_CHECKING:  # JAX must not be imported before a process is prepared
    from jaxac.programs.program import Program
    from jaxac.spec import Spec

RESULTS = Path(__file__).parent / "results"
Watch = Callable[[Any], Mapping[str, np.ndarray]]
"""See :func:`learn_lanes`."""


def prepare(by_threads: bool = False, xla_threads: int | None = None) -> None:
    """Sets a process up as the command does for a large run, before JAX looks for devices.

    Args:
        by_threads: A3C's threads will compute in it.
        xla_threads: as for :func:`jaxac.devices.machine.use_cores`.
    """
    from jaxac.devices import machine

    machine.use_cores(by_threads, xla_threads)
    machine.enable_compilation_cache("auto")


def timed_chunk(compiled: "Program", numbers: "Spec", state: Any, updates: int) -> tuple[Any, float]:
    """The state ``updates`` updates later, and the seconds that took."""
    import jax

    start = time.perf_counter()
    state, report = compiled.chunk(numbers, state, updates)
    jax.block_until_ready(report)
    return state, time.perf_counter() - start


def training(numbers: "Spec", key: Any) -> Callable[[int], float]:
    """A run of A2C that draws from ``key``: called, it trains on for so many updates, and tells the seconds of that."""
    import jax

    from jaxac.algos import ALGOS
    from jaxac.programs.chunk import run_chunk

    chunk = jax.jit(functools.partial(run_chunk, ALGOS["a2c"]), donate_argnums=1)
    state = jax.jit(ALGOS["a2c"].init)(numbers, key)

    def train(updates: int) -> float:
        nonlocal state
        start = time.perf_counter()
        state, report = chunk(numbers, state, updates)
        jax.block_until_ready(report)
        return time.perf_counter() - start

    for _ in range(3):  # the first two compile
        train(2)
    return train


def in_turn(
    runs: Mapping[str, Callable[[int], float]], updates: Mapping[str, int], per_update: int, pairs: int
) -> dict[str, list[int]]:
    """Environment steps a second of runs that take turns, chunk by chunk, in one order and then in the other.

    Args:
        runs: the runs by name, from :func:`training`.
        updates: updates of a chunk, by the run's name.
        per_update: environment steps of an update.
        pairs: chunks of each run.
    """
    sps: dict[str, list[int]] = {name: [] for name in runs}
    for pair in range(pairs):
        for name in sorted(runs, reverse=pair % 2 == 0):
            sps[name].append(round(per_update * updates[name] / runs[name](updates[name])))
    return sps


def alone(module: str, *arguments: str, **environment: str) -> Any:
    """The last line of ``python -m experiments.MODULE ARGUMENTS``, read as JSON: a measurement in its own process.

    Args:
        environment: variables on top of this process' own.
    """
    command = [sys.executable, "-m", f"experiments.{module}", *arguments]
    variables = {**os.environ, **environment}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=variables)
    return json.loads(done.stdout.splitlines()[-1])


def ratio(numerators: Sequence[float], denominators: Sequence[float]) -> dict[str, float]:
    """The median and the range of the ratios, pair by pair."""
    ratios = [a / b for a, b in zip(numerators, denominators, strict=True)]
    return {"ratio": statistics.median(ratios), "lowest": min(ratios), "highest": max(ratios)}


def learn(config: Config) -> dict[str, Any]:
    """Trains in memory, evaluating at the configured cadence, each time on all ``evaluation.episodes``.

    Returns:
        ``env_steps`` and ``returns`` (mean return) of every evaluation, and ``train_seconds`` without compilation or
        evaluation.
    """
    from jaxac import spec
    from jaxac.programs import program
    from jaxac.runs import schedule

    plan, numbers = schedule.make(config), spec.make(config)
    compiled = program.compile_program(config, numbers)
    train_key, evaluation_key = program.keys(config.seed)
    state = compiled.init(numbers, train_key)
    updates, train_seconds = 0, 0.0
    curve: dict[str, list[float]] = {"env_steps": [], "returns": []}
    while updates < plan.total:
        target = plan.next_stop(updates)
        state, seconds = timed_chunk(compiled, numbers, state, target - updates)
        updates, train_seconds = target, train_seconds + seconds
        if plan.evaluates_at(updates):
            curve["env_steps"].append(config.env_steps(updates))
            curve["returns"].append(mean_return(compiled, numbers, state, evaluation_key, updates))
    compiled.close()
    return {**curve, "train_seconds": train_seconds}


def mean_return(compiled: Any, numbers: "Spec", state: Any, key: Any, updates: int) -> float:
    """The mean return of all ``evaluation.episodes`` after ``updates`` updates, by what has ``evaluate`` compiled."""
    from jaxac.programs import program

    batches = range(program.EVALUATION_BATCHES)
    return float(program.evaluate_batches(compiled, numbers, state, key, updates, batches).mean())


def learn_lanes(configs: list[Config], watch: Watch | None = None) -> dict[str, Any]:
    """As :func:`learn`, for many configurations at once, as lanes of one program.

    Args:
        configs: that differ in numbers only (seed, rates, coefficients, delays …), not in sizes or choices.
        watch: tells further metrics at every evaluation, ``[lanes]`` each, by the lanes' training states.

    Returns:
        ``env_steps [E]`` and ``returns [lanes][E]`` of the evaluations, ``metrics`` (``[lanes][E]`` each, of the chunk
        before) and ``train_seconds`` of all lanes together, without compilation or evaluation.
    """
    from jaxac import spec
    from jaxac.programs import program
    from jaxac.programs.executor import Chunk
    from jaxac.programs.executors import Vmapped
    from jaxac.runs import schedule

    config, everyone = configs[0], range(len(configs))
    plan = schedule.make(config)
    plan = plan._replace(log_every=0, evaluate_every=plan.evaluate_every or plan.total, checkpoint_every=0)
    executor = Vmapped(config, [spec.make(each) for each in configs], [each.seed for each in configs], len(configs))
    state = executor.start([None] * len(configs))
    updates, train_seconds, env_steps = 0, 0.0, []
    returns: list[list[float]] = [[] for _ in everyone]
    metrics: list[dict[str, list[float]]] = [{} for _ in everyone]
    while updates < plan.total:
        start, target = time.perf_counter(), plan.next_stop(updates)
        state, pending = executor.advance(state, Chunk(target - updates, target, batches=(), save=False), everyone)
        trained = executor.fetch(pending)
        train_seconds, updates = train_seconds + time.perf_counter() - start, target
        batches = tuple(range(program.EVALUATION_BATCHES))
        state, pending = executor.advance(state, Chunk(0, updates, batches, save=False), everyone)
        env_steps.append(config.env_steps(updates))
        watched = watch(state.result()) if watch else {}
        for lane, outcome in executor.fetch(pending).items():
            returns[lane].append(float(np.mean(np.asarray(outcome.returns))))
            told = _scalars(trained[lane].report) | {name: float(values[lane]) for name, values in watched.items()}
            for name, value in told.items():
                metrics[lane].setdefault(name, []).append(value)
    by_name = {name: [lane[name] for lane in metrics] for name in metrics[0]}
    return {"env_steps": env_steps, "returns": returns, "metrics": by_name, "train_seconds": train_seconds}


def _scalars(report: Any) -> dict[str, float]:
    """The metrics of a chunk that the experiments' tables show, as floats by name."""
    ended = float(report.episodes.ended)
    mean = float(report.episodes.return_sum) / ended if ended else float("nan")
    found = {"train/entropy": float(report.metrics.entropy), names.EPISODE_RETURN: mean}
    found |= {name: float(value) for name, value in names.section("train", report.steps.means).items()}
    if report.asynchrony:
        counts = report.asynchrony.staleness
        found[names.STALENESS] = float(counts @ np.arange(len(counts)) / counts.sum())
        found[names.PUSHES_DROPPED] = float(report.asynchrony.dropped)
    return found


def load(name: str, directory: Path | None = None) -> dict[str, Any]:
    """The result that :func:`save` wrote last under ``name``; empty if there is none."""
    path = (directory or RESULTS) / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else {}


def parts(saved: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """The parts of saved results by name, as far as there are any: without what saving adds."""
    return {name: saved[name] for name in names if name in saved}


def save(name: str, result: dict[str, Any], command: str | None = None, directory: Path | None = None) -> Path:
    """Writes ``result`` with the versions, the device and the command that made it.

    Args:
        command: if it is not the one that runs.
        directory: if it is not ``experiments/results``.
    """
    from jaxac.devices import machine

    directory = directory or RESULTS
    directory.mkdir(parents=True, exist_ok=True)
    command = command or " ".join(["python", "-m", f"experiments.{Path(sys.argv[0]).stem}", *sys.argv[1:]])
    path = directory / f"{name}.json"
    path.write_text(json.dumps({"command": command, **machine.describe(), **result}, indent=1) + "\n")
    return path
