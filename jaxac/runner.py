"""A run from its first line of output to its summary."""

import json
import secrets

import jax

from jaxac import artifacts, machine, run_directory
from jaxac.config import A3CConfig, Config
from jaxac.errors import DivergedError
from jaxac.loggers import open_loggers
from jaxac.run_directory import Run
from jaxac.signals import stop_request
from jaxac.trainer import Progress, Trainer

_MUCH_MEMORY = 2**13
"""Steps of an update from which on it pays to keep freed memory: less of it is soon had again."""


def train(config: Config, run: Run, group: str | None) -> float | None:
    """Trains, or goes on training, in ``run``'s directory.

    Returns:
        The mean return of the last evaluation; None if there was none.

    Raises:
        DivergedError: if the losses or the parameters stopped being finite.
        SystemExit: with 128 + the signal's number, if Ctrl-C or SIGTERM stopped the run; all is saved by then.
    """
    if config.steps_per_update >= _MUCH_MEMORY:
        machine.keep_freed_memory()
    if config.algo.in_real_time:
        machine.compute_in_threads(config.algo.num_shards)
    machine.enable_compilation_cache(config.compilation_cache)
    progress = Progress(**run.checkpoint.progress) if run.checkpoint else Progress(run_id=secrets.token_hex(4))
    if run_directory.is_complete(run, config):
        print(
            f"nothing left to do: {run.directory} is complete; raise total_env_steps={config.total_env_steps} to go on"
        )
        return progress.evaluation["eval_return_mean"]
    print(headline(config), flush=True)
    with stop_request() as stop:
        if run.checkpoint:
            run_directory.truncate_rows(run.directory, run.checkpoint.updates)
        loggers = open_loggers(config, run.directory, progress.run_id, group)
        exit_code, files, summary = 1, [], {}
        try:
            trainer = Trainer(config, run, progress)
            print(f"compiled in {trainer.program.compile_seconds:.1f} s", flush=True)
            trainer.train(stop, loggers)
            exit_code = {"completed": 0, "diverged": 1}.get(trainer.status, 128 + stop.signal if stop.signal else 0)
            files = artifacts.make(config, run.directory, trainer)
            summary = trainer.summary()
            run_directory.write_atomically(run.directory / run_directory.SUMMARY, json.dumps(summary, indent=2) + "\n")
        finally:
            for logger in loggers:
                logger.finish(summary, files, exit_code)
    if trainer.status == "diverged":
        raise DivergedError(
            f"training diverged after {summary['updates']} updates: a loss or a parameter is not finite; "
            f"lower optimizer.learning_rate. The last good checkpoint is kept in {run.directory}."
        )
    if exit_code:
        raise SystemExit(exit_code)
    return summary["eval_return_mean"]


def headline(config: Config) -> str:
    """One line on what is about to run."""
    devices, env, algo = jax.devices(), config.env, config.algo
    runtime = f" with {algo.runtime}" if isinstance(algo, A3CConfig) and algo.in_real_time else ""
    shards = f" in {algo.num_shards} shards" if algo.num_shards > 1 else ""
    return (
        f"{algo.name.upper()}{runtime} on {env.name}: {env.num_envs} environments{shards} × {algo.unroll_length} "
        f"steps × {config.num_updates} updates, {len(devices)} {devices[0].device_kind} device(s), seed {config.seed}"
    )
