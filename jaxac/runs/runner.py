"""Training of jobs, from their first line of output to their summaries."""

import contextlib
import functools
import signal
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from jaxac import spec as spec_module
from jaxac.algos.realtime import cluster
from jaxac.devices import machine
from jaxac.errors import ConfigError
from jaxac.loggers import open as opening
from jaxac.loggers.base import Logger
from jaxac.loggers.console import Console, Followed, Overview
from jaxac.programs import memory, program
from jaxac.programs.blocks import Blocks
from jaxac.programs.executor import Executor
from jaxac.programs.executors import Pooled, Vmapped
from jaxac.programs.program import Program
from jaxac.runs import failures, headlines, plan, resuming, setup, together
from jaxac.runs.job import Job
from jaxac.runs.plan import Group
from jaxac.runs.run import Run
from jaxac.runs.signals import StopRequest, stop_request
from jaxac.runs.trainer import Trainer
from jaxac.spec import Spec
from jaxac.storage import run_directory

Say = Callable[[str], None]
"""Shows people a line of text."""
Stops = Callable[[Say], AbstractContextManager[StopRequest]]
"""Collects requests to stop while its block runs."""
_print = functools.partial(print, flush=True)


def train(
    jobs: Sequence[Job],
    max_lanes: int | None = None,
    how: str = "auto",
    say: Say = _print,
    sums_up: bool = True,
    size: int = 1,
    stops: Stops = stop_request,
) -> None:
    """Trains or resumes jobs, side by side where they differ in numbers only; ``job.result()`` has each result.

    Args:
        jobs: the jobs to train.
        max_lanes: runs side by side, at most; None for no limit.
        how: ``vmap``: all lanes in one call; ``cores``: a lane at a time on every core, bit for bit equal to its single
            run; ``blocks``: a few lanes in one call, a call on every core, whose results do not depend on the number
            of lanes; ``auto``: ``vmap`` on an accelerator, else ``cores``.
        say: shows people a line of text.
        sums_up: say the closing lines of several jobs.
        size: lanes of a program at least, with ``how=vmap``; see :func:`jaxac.runs.plan.make`.
        stops: collects requests to stop.

    Raises:
        ConfigError: if the jobs cannot share a process.
        RunError: if there is no more disk, memory or threads.
        SystemExit: with 128 + the signal's number, if a signal stopped it; everything has been saved by then.
        StopNowError: if a second signal did; what was done since the newest checkpoint is lost.
    """
    how = setup.resolved(how)
    algos = [job.config.algo for job in jobs]
    with _released(jobs), _told_how_to_resume(jobs, say), _settled(say), cluster.joined(algos):
        groups = _plan(jobs, max_lanes, how, say, size)
        with _overview(jobs) as overview, stops(say) as stop, together.heeding(stop):
            for group in groups:
                _train_group(group, jobs, how, overview, stop, say)
        for line in headlines.closing(jobs) if sums_up else ():
            say(line)


@contextmanager
def _released(jobs: Sequence[Job]) -> Iterator[None]:
    """Lets other processes have the jobs' directories when the block ends."""
    try:
        yield
    finally:
        for job in jobs:
            job.release()


@contextmanager
def _settled(say: Say) -> Iterator[None]:
    """Waits for what loggers still write when the block ends."""
    try:
        yield
    finally:
        opening.settle(say)


@contextmanager
def _told_how_to_resume(jobs: Sequence[Job], say: Say) -> Iterator[None]:
    """Says how to go on if the block is stopped."""
    try:
        yield
    except (SystemExit, KeyboardInterrupt):
        for line in resuming.lines(jobs):
            say(line)
        raise


def _plan(jobs: Sequence[Job], max_lanes: int | None, how: str, say: Say, size: int) -> list[Group]:
    """The groups to train, once the process has been set up and there is memory for them."""
    setup.prepare([job.config for job in jobs], how)
    label(jobs)
    for job in jobs:
        if job.config.num_seeds > 1:  # before each seed has a directory
            memory.check(job.config, spec_module.make(job.config), job.config.num_seeds)
    runs = [run for job in jobs for run in job.unfinished]
    for run in runs:
        if run.start is None:
            run.progress.in_blocks = how == "blocks" and not run.config.algo.in_real_time
    groups = plan.that_fit(plan.make(runs, max_lanes or len(runs) or 1, size), jobs)
    _announce(jobs, groups, how, say)
    return groups


@contextmanager
def _overview(jobs: Sequence[Job]) -> Iterator[Overview | None]:
    """The one line that follows several runs, while the block runs; None for a single run, or without a console."""
    several = sum(len(job.unfinished) for job in jobs) > 1
    overview = Overview(_followed(jobs)) if several and jobs[0].config.logger.console else None
    try:
        yield overview
    finally:
        if overview:
            overview.stop()


def label(jobs: Sequence[Job]) -> None:
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
    say(headlines.headline(group.runs[0].config, len(group.runs), how != "vmap"))
    try:
        together.begin(group.runs[0])
        pool = ThreadPoolExecutor(1)  # opening loggers takes a while, and so does compiling
        compiling = pool.submit(*_compilation(group, how))
        pool.shutdown(wait=False)  # a request to stop at once does not wait for the compiler
        _open(mine, overview, say)
        executor = _executor(group, compiling.result())
        say(f"compiled in {executor.compile_seconds:.1f} s")
        Trainer(group.runs, executor).train(stop)
        _close(mine, 128 + stop.signal if stop.signal else 0)
    except KeyboardInterrupt as error:
        for run in group.runs:
            run.abandon()
        _close(mine, 128 + getattr(error, "signal", signal.SIGINT))
        raise
    except Exception as error:
        with contextlib.suppress(Exception):  # the first error is the one to tell
            _close(mine, 1)
        failed = error if isinstance(error, ConfigError) else failures.explain(error, resuming.place(jobs))
        if failed is None or isinstance(error, OSError):
            raise failed or error from None
        for job in mine:  # the other groups are still trained
            job.error = failed
    if stop.signal:
        raise SystemExit(128 + stop.signal)


def _close(jobs: Sequence[Job], exit_code: int) -> None:
    """Closes the jobs that have ended; if the process ends, all of them."""
    for job in jobs:
        if exit_code or all(run.status for run in job.unfinished):
            job.close(exit_code)


def _open(jobs: Sequence[Job], overview: Overview | None, say: Say) -> None:
    """Opens the jobs' loggers, and says what there is to say of their files."""
    for job in jobs:
        job.open(overview.of if overview else _console)
        for note in job.notes:
            say(note)


def _compilation(group: Group, how: str) -> tuple[Any, ...]:
    """The call that compiles a group's program: a function and its arguments."""
    first, (specs, seeds) = group.runs[0], _lanes(group)
    if first.progress.in_blocks:
        return Blocks, first.config, specs, seeds
    if how == "vmap" and group.size > 1:
        return Vmapped, first.config, specs, seeds, group.size
    log = first.directory and first.directory / run_directory.EVENTS
    return program.compile_program, first.config, first.spec, log


def _executor(group: Group, compiled: Program | Vmapped | Blocks) -> Executor[Any, Any]:
    """The executor that advances a group's runs with its compiled program."""
    if isinstance(compiled, Vmapped | Blocks):
        return compiled
    workers = 1 if len(group.runs) == 1 else machine.num_cores()
    return together.led(Pooled(compiled, *_lanes(group), workers))


def _lanes(group: Group) -> tuple[list[Spec], list[int]]:
    """The training programs and the seeds of a group's runs."""
    return [run.spec for run in group.runs], [run.config.seed for run in group.runs]


def _console(run: Run) -> Logger | None:
    return Console(run.config.env_steps(run.schedule.total)) if run.config.logger.console else None
