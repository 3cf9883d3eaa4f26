"""Training of jobs, from their first line of output to their summaries."""

import functools
import os
import warnings
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax

from jaxac.config.algos import A3CConfig
from jaxac.config.schema import Config
from jaxac.devices import machine
from jaxac.errors import ConfigError
from jaxac.loggers.base import Logger
from jaxac.loggers.closing import Ended, run_lines, sweep_lines
from jaxac.loggers.console import Console, Followed, Overview
from jaxac.programs import program
from jaxac.programs.executors import Executor, Pooled, Vmapped
from jaxac.programs.program import Program
from jaxac.runs import one_parser, plan
from jaxac.runs.job import Job
from jaxac.runs.plan import Group
from jaxac.runs.run import Run
from jaxac.runs.signals import StopRequest, stop_request
from jaxac.runs.trainer import Trainer
from jaxac.spec import Spec
from jaxac.storage import provenance, run_directory

Say = Callable[[str], None]
"""Shows people a line of text."""
_print = functools.partial(print, flush=True)


def train(
    jobs: Sequence[Job], max_lanes: int | None = None, how: str = "auto", say: Say = _print, sums_up: bool = True
) -> None:
    """Trains or resumes jobs, side by side where they differ in numbers only; ``job.result()`` has each result.

    Args:
        jobs: the jobs to train.
        max_lanes: runs side by side, at most; None for no limit.
        how: ``vmap``: all lanes in one call; ``cores``: a lane at a time on every core, bit for bit equal to its single
            run; ``auto``: ``vmap`` on an accelerator, else ``cores``.
        say: shows people a line of text.
        sums_up: say the closing lines of several jobs.

    Raises:
        ConfigError: if the jobs cannot share a process.
        SystemExit: with 128 + the signal's number, if Ctrl-C or SIGTERM stopped it; everything has been saved by then.
    """
    try:
        _train(jobs, max_lanes, how, say)
        if sums_up:
            _sum_up(jobs, say)
    finally:
        for job in jobs:
            job.release()


def _train(jobs: Sequence[Job], max_lanes: int | None, how: str, say: Say) -> None:
    provenance.describe()  # of the code as it is now, not at the end
    how = _resolved(how)
    prepare([job.config for job in jobs], how)
    _label(jobs)
    runs = [run for job in jobs for run in job.unfinished]
    groups = plan.make(runs, max_lanes or len(runs) or 1)
    _announce(jobs, groups, how, say)
    overview = Overview(_followed(jobs)) if len(runs) > 1 and jobs[0].config.logger.console else None
    try:
        with stop_request() as stop:
            for group in groups:
                _train_group(group, jobs, how, overview, stop, say)
    finally:
        if overview:
            overview.stop()


def _resolved(how: str) -> str:
    """``how``, with ``auto`` replaced by what it stands for on this machine."""
    return ("vmap" if machine.has_accelerator() else "cores") if how == "auto" else how


def prepare(configs: Sequence[Config], how: str) -> None:
    """Sets up the process, before JAX looks for devices; a second call changes nothing.

    Args:
        configs: the configurations of the jobs that are trained together.
        how: as for :func:`train`.

    Raises:
        ConfigError: if the jobs cannot share a process.
    """
    provenance.describe()  # of the code as it is now, not at the end
    how = _resolved(how)
    caches = {config.compilation_cache for config in configs}
    if len(caches) > 1:
        raise ConfigError(
            f"compilation_cache={', '.join(map(str, caches))}: jobs that are trained together have one; give one value."
        )
    one_parser.install()
    several = len(configs) > 1 or configs[0].num_seeds > 1
    in_real_time = any(config.algo.in_real_time for config in configs)
    note = machine.use_cores(by_threads=in_real_time or (several and how == "cores"))
    if note:
        warnings.warn(note, stacklevel=3)
    machine.enable_compilation_cache(caches.pop())


def _label(jobs: Sequence[Job]) -> None:
    """Labels each job of several with its directory and the overrides that not all of them have."""
    if len(jobs) == 1:
        return
    common = set(jobs[0].overrides).intersection(*(job.overrides for job in jobs))
    for number, job in enumerate(jobs):
        name = job.directory.name if job.directory else str(number)
        job.label = f"job {name}: {' '.join(text for text in job.overrides if text not in common)}"


def _announce(jobs: Sequence[Job], groups: Sequence[Group], how: str, say: Say) -> None:
    for job in jobs:
        if not job.unfinished:
            goal = f"raise total_env_steps={job.config.total_env_steps} to continue"
            say(f"nothing left to do: {job.directory} is complete; {goal}")
    if len(jobs) > 1 and groups:
        say(plan.describe(groups, len(jobs), how))


def _followed(jobs: Sequence[Job]) -> dict[Hashable, Followed]:
    """The runs to train, as an overview follows them."""
    followed: dict[Hashable, Followed] = {}
    for job in jobs:
        for run in job.unfinished:
            label = job.label if len(job.runs) == 1 else f"{job.label} seed {run.config.seed}".strip()
            steps, total = (run.config.env_steps(updates) for updates in (run.updates, run.schedule.total))
            followed[run] = Followed(label, steps, total)
    return followed


def _train_group(
    group: Group, jobs: Sequence[Job], how: str, overview: Overview | None, stop: StopRequest, say: Say
) -> None:
    """Trains one group, from its headline to the summaries of the jobs that it finishes."""
    mine = [job for job in jobs if any(run in job.unfinished for run in group.runs)]
    say(headline(group.runs[0].config, len(group.runs), how == "cores"))
    exit_code = 1
    try:
        with ThreadPoolExecutor(1) as pool:  # opening many loggers takes a while, and so does compiling
            compiling = pool.submit(*_compilation(group, how))
            for job in mine:
                job.open(overview.of if overview else _console)
                for note in job.notes:
                    say(note)
            executor = _executor(group, compiling.result())
        say(f"compiled in {executor.compile_seconds:.1f} s")
        Trainer(group.runs, executor).train(stop)
        exit_code = 128 + stop.signal if stop.signal else 0
    except ConfigError as error:  # the other groups are still trained
        for job in mine:
            job.error = error
    finally:
        for job in mine:
            if exit_code or all(run.status for run in job.unfinished):
                job.close(exit_code)
    if stop.signal:
        raise SystemExit(128 + stop.signal)


def _compilation(group: Group, how: str) -> tuple[Any, ...]:
    """The call that compiles a group's program: a function and its arguments."""
    first, (specs, seeds) = group.runs[0], _lanes(group)
    if how == "vmap" and group.size > 1:
        return Vmapped, first.config, specs, seeds, group.size
    log = first.directory and first.directory / run_directory.EVENTS
    return program.compile_program, first.config, first.spec, log


def _executor(group: Group, compiled: Program | Vmapped) -> Executor[Any, Any]:
    """The executor that advances a group's runs with its compiled program."""
    if isinstance(compiled, Vmapped):
        return compiled
    workers = 1 if len(group.runs) == 1 else len(os.sched_getaffinity(0))
    return Pooled(compiled, *_lanes(group), workers)


def _lanes(group: Group) -> tuple[list[Spec], list[int]]:
    """The training programs and the seeds of a group's runs."""
    return [run.spec for run in group.runs], [run.config.seed for run in group.runs]


def _console(run: Run) -> Logger | None:
    return Console(run.config.env_steps(run.schedule.total)) if run.config.logger.console else None


def _sum_up(jobs: Sequence[Job], say: Say) -> None:
    """Says the closing lines of several runs; a single run's come from its console logger."""
    if len(jobs) == 1:
        for line in run_lines(jobs[0].summary) if jobs[0].summary and jobs[0].config.num_seeds > 1 else []:
            say(line)
        return
    for line in sweep_lines([ended(job) for job in jobs], jobs[0].directory and jobs[0].directory.parent):
        say(line)


def ended(job: Job) -> Ended:
    """A job's end, for the closing lines of its sweep."""
    statuses = tuple(str(run.status or "complete before") for run in job.runs)
    return Ended(job.label, statuses, job.mean_return, job.best_return)


def headline(config: Config, num_lanes: int, on_cores: bool = False) -> str:
    """One line on the training that is about to begin; ``on_cores`` if lanes have a core each."""
    env, algo = config.env, config.algo
    runtime = f" with {algo.runtime}" if isinstance(algo, A3CConfig) and algo.in_real_time else ""
    shards = f" in {algo.num_shards} shards" if algo.num_shards > 1 else ""
    who = f"seed {config.seed}" if num_lanes == 1 else f"{num_lanes} lanes"
    return (
        f"{algo.name.upper()}{runtime} on {env.name}: {env.num_envs} environments{shards} × {algo.unroll_length} "
        f"steps × {config.num_updates} updates, {_where(config, on_cores and num_lanes > 1)}, {who}"
    )


def _where(config: Config, on_cores: bool) -> str:
    """The devices that compute, or the cores that threads or lanes spread over."""
    devices, algo = jax.devices(), config.algo
    cores = _counted(len(os.sched_getaffinity(0)), "core")
    if isinstance(algo, A3CConfig) and algo.runtime == "threads" and devices[0].platform == "cpu":
        return f"{_counted(algo.num_shards, 'thread')} on {cores}"
    if on_cores:
        return cores
    return _counted(len(devices), f"{devices[0].device_kind} device")


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"
