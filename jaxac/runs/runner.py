"""Jobs from their first line of output to their summaries."""

import os
from collections.abc import Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor

import jax

from jaxac.config.schema import A3CConfig, Config
from jaxac.devices import machine
from jaxac.errors import ConfigError
from jaxac.loggers.base import Logger
from jaxac.loggers.console import Console, Followed, Overview, closing_lines, sweep_lines
from jaxac.programs import program
from jaxac.programs.executors import Lanes, OneByOne, Vmapped
from jaxac.runs import plan
from jaxac.runs.job import Job
from jaxac.runs.lane import Lane
from jaxac.runs.plan import Batch
from jaxac.runs.signals import StopRequest, stop_request
from jaxac.runs.trainer import Trainer
from jaxac.storage import run_directory
from jaxac.storage.run_directory import Opened


def train(opened: Opened) -> float | None:
    """One job by itself; as :func:`train_all`.

    Returns:
        The mean return of the last evaluation; None if there was none.

    Raises:
        ConfigError: if it cannot be compiled, or needs more memory than there is.
        DivergedError: if the losses or the parameters stopped being finite.
    """
    (job,) = train_all([opened])
    for line in closing_lines(job.summary) if job.summary else []:
        print(line)
    return job.result()


def train_all(opened: Sequence[Opened], max_lanes: int | None = None, how: str = "auto") -> list[Job]:
    """Trains jobs, or goes on training them, those that differ in numbers only side by side.

    Args:
        max_lanes: runs side by side, at most.
        how: ``vmap``: all lanes in one call; ``cores``: one lane after the other on every core, bit for bit what it is
            by itself; ``auto``: what suits the machine.

    Returns:
        The jobs, whose ``result()`` is what came of each, or raises.

    Raises:
        SystemExit: with 128 + the signal's number, if Ctrl-C or SIGTERM stopped it; all is saved by then.
    """
    if how == "auto":
        how = "vmap" if machine.has_accelerator() else "cores"
    _prepare([each.config for each in opened], how)
    jobs = [Job(*each) for each in zip(opened, _labels(opened), strict=True)]
    lanes = [lane for job in jobs for lane in job.unfinished]
    for job in jobs:
        if not job.unfinished:
            goal = f"raise total_env_steps={job.config.total_env_steps} to go on"
            print(f"nothing left to do: {job.run.directory} is complete; {goal}")
    batches = plan.make(lanes, max_lanes or len(lanes) or 1)
    overview = Overview(_followed(jobs)) if len(lanes) > 1 and jobs[0].config.logger.console else None
    if len(opened) > 1:
        print(plan.describe(batches, len(opened), how), flush=True)
    with stop_request() as stop:
        try:
            for batch in batches:
                mine = [job for job in jobs if any(lane in job.unfinished for lane in batch.lanes)]
                try:
                    _train_batch(batch, mine, how, overview, stop)
                except ConfigError as error:  # the other batches go on
                    for job in mine:
                        job.error = error
                if stop.signal:
                    raise SystemExit(128 + stop.signal)
        finally:
            if overview:
                overview.stop()
    if len(jobs) > 1:
        statuses = [[lane.status or "complete before" for lane in job.lanes] for job in jobs]
        means = {job.label: job.mean_return for job in jobs}
        for line in sweep_lines(statuses, means, jobs[0].run.directory.parent):
            print(line)
    return jobs


def _followed(jobs: Sequence[Job]) -> dict[Hashable, Followed]:
    """What an overview needs to know of every lane that is to be trained."""
    followed: dict[Hashable, Followed] = {}
    for job in jobs:
        for lane in job.unfinished:
            label = job.label if len(job.lanes) == 1 else f"{job.label} seed {lane.config.seed}".strip()
            steps, total = (lane.config.env_steps(updates) for updates in (lane.updates, lane.schedule.total))
            followed[lane] = Followed(label, steps, total)
    return followed


def _labels(opened: Sequence[Opened]) -> list[str]:
    """What tells each job from the others: its directory, and the overrides that not all have."""
    if len(opened) == 1:
        return [""]
    common = set(opened[0].overrides).intersection(*(each.overrides for each in opened))
    own = [[text for text in each.overrides if text not in common] for each in opened]
    return [f"job {each.run.directory.name}: {' '.join(texts)}" for each, texts in zip(opened, own, strict=True)]


def _prepare(configs: Sequence[Config], how: str) -> None:
    """Sets the process up, before JAX looks for devices."""
    several = len(configs) > 1 or configs[0].num_seeds > 1
    machine.use_cores(by_threads=configs[0].algo.in_real_time or (several and how == "cores"))
    machine.enable_compilation_cache(configs[0].compilation_cache)


def _train_batch(batch: Batch, jobs: Sequence[Job], how: str, overview: Overview | None, stop: StopRequest) -> None:
    """From the headline to the summaries of those of its ``jobs`` that it finishes."""
    print(headline(batch.lanes[0].config, len(batch.lanes)), flush=True)
    exit_code = 1
    try:
        with ThreadPoolExecutor(1) as pool:  # it takes a while to open many loggers, and to compile
            compiling = pool.submit(_device, batch, how)
            for job in jobs:
                job.open(overview.of if overview else _console)
            device = compiling.result()
        print(f"compiled in {device.compile_seconds:.1f} s", flush=True)
        Trainer(batch.lanes, device).train(stop)
        exit_code = 128 + stop.signal if stop.signal else 0
    finally:
        for job in jobs:
            if exit_code or all(lane.status for lane in job.unfinished):
                job.close(exit_code)


def _console(lane: Lane) -> Logger | None:
    return Console(lane.config.env_steps(lane.schedule.total)) if lane.config.logger.console else None


def _device(batch: Batch, how: str) -> Lanes:
    specs, seeds = [lane.spec for lane in batch.lanes], [lane.config.seed for lane in batch.lanes]
    first = batch.lanes[0]
    if how == "vmap" and batch.size > 1:
        return Vmapped(first.config, specs, seeds, batch.size)
    compiled = program.compile_program(first.config, first.spec, first.run.directory / run_directory.EVENTS)
    workers = 1 if len(specs) == 1 else len(os.sched_getaffinity(0))
    return OneByOne(compiled, specs, seeds, workers)


def headline(config: Config, num_lanes: int) -> str:
    """One line on what is about to run."""
    devices, env, algo = jax.devices(), config.env, config.algo
    runtime = f" with {algo.runtime}" if isinstance(algo, A3CConfig) and algo.in_real_time else ""
    shards = f" in {algo.num_shards} shards" if algo.num_shards > 1 else ""
    who = f"seed {config.seed}" if num_lanes == 1 else f"{num_lanes} lanes"
    return (
        f"{algo.name.upper()}{runtime} on {env.name}: {env.num_envs} environments{shards} × {algo.unroll_length} "
        f"steps × {config.num_updates} updates, {len(devices)} {devices[0].device_kind} device(s), {who}"
    )
