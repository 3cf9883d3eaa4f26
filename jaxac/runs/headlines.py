"""Lines for people on jobs: before they are trained, and after."""

from collections.abc import Sequence

import jax

from jaxac.algos.realtime import cluster
from jaxac.config.algos import A3CConfig
from jaxac.config.schema import Config
from jaxac.devices import machine
from jaxac.loggers.closing import Ended, run_lines, sweep_lines
from jaxac.runs.job import Job


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
    """The devices that compute, Ray's learners, or the cores that threads or lanes spread over."""
    devices, algo = jax.devices(), config.algo
    cores = counted(machine.num_cores(), "core")
    if isinstance(algo, A3CConfig) and algo.runtime == "threads" and devices[0].platform == "cpu":
        return f"{counted(algo.num_shards, 'thread')} on {cores}"
    if isinstance(algo, A3CConfig) and algo.runtime == "ray":
        return counted(cluster.num_learners(algo), "learner")
    if on_cores:
        return cores
    several = f" of {jax.process_count()} processes" if jax.process_count() > 1 else ""
    return counted(len(devices), f"{devices[0].device_kind} device") + several


def counted(number: int, noun: str) -> str:
    """A number with its noun, which is in the plural unless it is one."""
    return f"{number} {noun}{'s' * (number != 1)}"


def closing(jobs: Sequence[Job]) -> list[str]:
    """The closing lines of several runs; a single run's come from its console logger."""
    if len(jobs) > 1:
        return sweep_lines([ended(job) for job in jobs], jobs[0].directory and jobs[0].directory.parent)
    several_seeds = jobs[0].summary and jobs[0].config.num_seeds > 1
    return run_lines(jobs[0].summary) if several_seeds else []


def ended(job: Job) -> Ended:
    """A job's end, for the closing lines of its sweep."""
    statuses = tuple(str(run.status or ("failed" if job.error else "complete before")) for run in job.runs)
    return Ended(job.label, statuses, job.mean_return, job.best_return)
