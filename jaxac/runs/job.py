"""One of Hydra's jobs: a run, or ``num_seeds`` of them that share a directory and a W&B run."""

import dataclasses
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jaxac.config.schema import Config
from jaxac.devices import machine
from jaxac.errors import ConfigError, DivergedError
from jaxac.loggers.base import Logger
from jaxac.loggers.open import open_loggers
from jaxac.loggers.seed_means import Seeds, summarize
from jaxac.runs import artifacts
from jaxac.runs.lane import Lane, Progress
from jaxac.storage import run_directory
from jaxac.storage.run_directory import Opened, Run


class Job:
    """A job with its lanes: one, or one a seed."""

    def __init__(self, opened: Opened, label: str) -> None:
        self.config, self.run, self.group, self.label = opened.config, opened.run, opened.group, label
        self.lanes = [_lane(config, run) for config, run in _runs(self.config, self.run)]
        self.unfinished = [lane for lane in self.lanes if not run_directory.is_complete(lane.run, lane.config)]
        self._seeds: Seeds | None = None
        self._loggers: list[Logger] = []
        self.summary: dict[str, Any] = {}
        """Of several seeds together."""
        self.error: ConfigError | None = None
        """Why it could not be trained."""

    def open(self, console: Callable[[Lane], Logger | None]) -> None:
        """Opens the loggers, once; ``console`` makes one more for each lane."""
        if any(lane.loggers for lane in self.lanes) or self._seeds:
            return
        for lane in self.unfinished:
            if lane.run.checkpoint:
                run_directory.truncate_rows(lane.run.directory, lane.run.checkpoint.updates)
        run_id = self.lanes[0].progress.run_id
        if self.config.num_seeds == 1:
            (lane,) = self.lanes
            lane.loggers = open_loggers(self.config, self.run.directory, run_id, self.group, console(lane))
            return
        before = {lane.config.seed: run_directory.rows(lane.run.directory) for lane in self.lanes}
        (self.run.directory / run_directory.METRICS).unlink(missing_ok=True)
        self._loggers = open_loggers(self.config, self.run.directory, run_id, self.group, None)
        self._seeds = Seeds(self._loggers, before, [lane.config.seed for lane in self.unfinished])
        for lane in self.unfinished:
            own = open_loggers(lane.config, lane.run.directory, "", None, console(lane))
            lane.loggers = [*own, self._seeds.of(lane.config.seed)]

    def close(self, exit_code: int) -> None:
        """Tells the loggers that nothing more comes; of lanes that have ended, they know already."""
        for lane in self.lanes:
            lane.close([], exit_code)
        if self._seeds is None:
            return
        summary = self._summary()
        files: list[Path] = []
        if summary:
            run_directory.write_summary(self.run.directory, summary)
            files = artifacts.curve(self.config, self.run.directory)
        for logger in self._loggers:
            logger.finish(summary, files, 1 if summary.get("status") == "diverged" else exit_code)
        self.summary = summary
        self._loggers, self._seeds = [], None

    def _summary(self) -> dict[str, Any]:
        """Of all seeds together; empty if one of them has none."""
        parts = [run_directory.read_summary(lane.run.directory) for lane in self.lanes]
        if not all(parts):
            return {}
        return {**summarize(parts), "directory": str(self.run.directory), **machine.describe()}

    @property
    def mean_return(self) -> float | None:
        """Of the last evaluation, over seeds; None where there was none."""
        means = [lane.progress.evaluation["eval_return_mean"] for lane in self.lanes]
        return None if None in means else sum(means) / len(means)

    def result(self) -> float | None:
        """The mean return of the last evaluation, over seeds; None where there was none.

        Raises:
            ConfigError: if it could not be trained.
            DivergedError: if a loss or a parameter is not finite any more.
        """
        if self.error:
            raise self.error
        diverged = [lane for lane in self.lanes if lane.status == "diverged"]
        if diverged:
            which = f"seed {diverged[0].config.seed} of " if len(self.lanes) > 1 else ""
            raise DivergedError(
                f"{which}training diverged after {diverged[0].updates} updates: a loss or a parameter is not finite; "
                f"lower optimizer.learning_rate. The last good checkpoint is kept in {diverged[0].run.directory}."
            )
        return self.mean_return


def _runs(config: Config, run: Run) -> list[tuple[Config, Run]]:
    """The runs of a job: itself, or one a seed in a directory of its own, begun or found again."""
    if config.num_seeds == 1:
        return [(config, run)]
    quiet = dataclasses.replace(config.logger, wandb=dataclasses.replace(config.logger.wandb, mode="disabled"))
    quiet = dataclasses.replace(quiet, console=False, curve=False, gif=False)
    runs = []
    for seed in range(config.seed, config.seed + config.num_seeds):
        directory = run.directory / run_directory.SEEDS / str(seed)
        resume = str(directory) if run_directory.holds_run(directory) else None
        one = dataclasses.replace(config, seed=seed, num_seeds=1, logger=quiet, resume=resume)
        runs.append((one, run_directory.open_run(one, directory, [])))
    return runs


def _lane(config: Config, run: Run) -> Lane:
    progress = Progress(**run.checkpoint.progress) if run.checkpoint else Progress(run_id=secrets.token_hex(4))
    return Lane(config, run, progress)
