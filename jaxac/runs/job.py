"""A job of the command or the library: a run, or ``num_seeds`` of them that share a directory and a W&B run.

JAX is imported only when a job's runs are asked for.
"""

import dataclasses
import functools
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxac import names
from jaxac.config.schema import Config
from jaxac.config.settings import key_of
from jaxac.errors import ConfigError, DivergedError, RunError
from jaxac.loggers import open as opening
from jaxac.loggers.base import Logger, Memory
from jaxac.storage import events, lock, provenance, run_directory
from jaxac.storage.checkpoint import Checkpoint

if TYPE_CHECKING:
    from jaxac.loggers.seed_means import SeedMeans
    from jaxac.runs.run import Run


class Job:
    """The runs of one configuration: one per seed.

    Args:
        config: the configuration to train.
        directory: the directory for its files; None to keep everything in memory.
        start: the checkpoint to start from; None for a new run.
        overrides: the command line's overrides.
        group: W&B group.
        place: what ``summary.json`` says of the worker that trains it, if that is not this process by itself.
    """

    def __init__(
        self,
        config: Config,
        directory: Path | None = None,
        start: Checkpoint | None = None,
        overrides: Sequence[str] = (),
        group: str | None = None,
        place: dict[str, Any] | None = None,
    ) -> None:
        self.config, self.directory, self.start = events.bounded(config), directory, start
        self.overrides, self.group, self._place = list(overrides), group, place
        self.label = ""
        """Text that tells the job from the other jobs of a sweep."""
        self.keeps_states = False
        """True if the job's runs are to keep their final states, which take memory."""
        self.memory = Memory()
        """The rows of a job in memory."""
        self.summary: dict[str, Any] = {}
        """The summary over all seeds, once they have ended."""
        self.error: ConfigError | RunError | None = None
        """The reason that the job could not be trained."""
        self.notes: list[str] = []
        """Sentences for the user on what was done to the directory when the job was opened."""
        self._opened_at = time.perf_counter()
        self._lock = lock.claim(directory) if directory else None
        self._means: SeedMeans | None = None
        self._loggers: list[Logger] = []

    @functools.cached_property
    def runs(self) -> "list[Run]":
        """The job's runs, one per seed, new or resumed."""
        from jaxac.runs.run import Run  # imports JAX

        single = [(self.config, self.directory, self.start)]
        each = single if self.config.num_seeds == 1 else [self._of_seed(seed) for seed in self.config.seeds]
        return [Run(*one, self._opened_at, self.keeps_states, self._place) for one in each]

    def _of_seed(self, seed: int) -> tuple[Config, Path | None, Checkpoint | None]:
        """The run of one seed among several: quiet, in a directory of its own."""
        logger = self.config.logger
        quiet = dataclasses.replace(
            logger, wandb=dataclasses.replace(logger.wandb, mode="disabled"), console=False, curve=False, gif=False
        )
        config = dataclasses.replace(self.config, seed=seed, num_seeds=1, logger=quiet, resume=None)
        if self.directory is None:
            return config, None, None
        directory = self.directory / run_directory.SEEDS / str(seed)
        if run_directory.has_begun(directory):
            config = dataclasses.replace(config, resume=str(directory))
        of_all = [text for text in self.overrides if key_of(text) not in ("seed", "num_seeds")]
        return config, *run_directory.open_locked(config, directory, [*of_all, f"seed={seed}"])

    @functools.cached_property
    def unfinished(self) -> "list[Run]":
        """The runs that were not complete when the job was opened."""
        return [run for run in self.runs if not self._is_complete(run)]

    def _is_complete(self, run: "Run") -> bool:
        return run.directory is not None and run_directory.is_complete(run.directory, run.start, run.config)

    def begin(self) -> None:
        """Begins what the job's loggers need and takes a while, ahead of the import of JAX."""
        if self.directory is not None:
            opening.begin(self.config)

    def open(self, console: "Callable[[Run], Logger | None]") -> None:
        """Opens the loggers, once.

        Args:
            console: makes one more logger for a run, or None.
        """
        if any(run.loggers for run in self.runs) or self._means:
            return
        from jaxac.storage.rewind import rewind  # imports JAX

        for run in self.unfinished:
            if run.start and run.directory:
                self.notes += rewind(run.config, run.directory, run.start)
        if self.config.num_seeds > 1:
            self._open_seeds(console)
            return
        (run,) = self.runs
        run.loggers = self._open_loggers(console(run))

    def _open_loggers(self, console: Logger | None) -> list[Logger]:
        if self.directory is None:
            return [self.memory, *([console] if console else [])]
        return opening.open_loggers(self.config, self.directory, self.runs[0].progress.run_id, self.group, console)

    def _open_seeds(self, console: "Callable[[Run], Logger | None]") -> None:
        from jaxac.loggers.seed_means import SeedMeans, Status  # imports SciPy

        before = {run.config.seed: run_directory.rows(run.directory) if run.directory else [] for run in self.runs}
        if self.directory:
            for name in (run_directory.METRICS, run_directory.SUMMARY):  # made again of the seeds'
                (self.directory / name).unlink(missing_ok=True)
        self._loggers = self._open_loggers(None)
        statuses: dict[int, Status] = {run.config.seed: functools.partial(self._status, run) for run in self.runs}
        self._means = SeedMeans(self._loggers, before, statuses, [run.config.seed for run in self.unfinished])
        for run in self.unfinished:
            files = opening.open_loggers(run.config, run.directory, "", None, None) if run.directory else []
            shown = console(run)
            run.loggers = [*files, *([shown] if shown else []), self._means.of(run.config.seed)]

    def _status(self, run: "Run") -> str | None:
        """The status with which a run has ended, in this session or before; None while it runs."""
        return run.status if run in self.unfinished else "completed"

    def close(self, exit_code: int) -> None:
        """Finishes the loggers of runs that have not ended, and writes the summary over seeds.

        Args:
            exit_code: exit code of the process, for the loggers.
        """
        for run in self.runs:
            run.close([], exit_code)
        if self._means is None:
            self.summary = self.runs[0].summary
            return
        self.summary = self._summary()
        files = self._write_summary() if self.summary and self.directory else []
        for logger in self._loggers:
            logger.finish(self.summary, files, 1 if self.summary.get("status") == "diverged" else exit_code)
        self._loggers, self._means = [], None

    def release(self) -> None:
        """Lets other processes train in the job's directory."""
        if self._lock:
            self._lock.release()

    def _write_summary(self) -> list[Path]:
        from jaxac.runs import artifacts  # imports JAX

        assert self.directory is not None
        run_directory.write_summary(self.directory, self.summary)
        return artifacts.curve(self.config, self.directory)

    def _summary(self) -> dict[str, Any]:
        """The summary over all seeds; empty if one of them has none."""
        from jaxac.devices import machine
        from jaxac.loggers.seed_means import summarize

        parts = {
            run.config.seed: run_directory.read_summary(run.directory) if run.directory else run.summary
            for run in self.runs
        }
        if not all(parts.values()) or self._means is None:
            return {}
        directory = None if self.directory is None else str(self.directory)
        return {
            **summarize(parts, self._means.lowest),
            "directory": directory,
            **machine.describe(self.config.env.suite),
            **provenance.describe(),
            **(self._place or {}),
        }

    @property
    def mean_return(self) -> float | None:
        """The mean return of the last evaluation, averaged over seeds; None without an evaluation."""
        if self.summary:
            return self.summary[names.RETURN]
        means = [run.progress.evaluation[names.RETURN] for run in self.runs]
        return None if None in means else sum(means) / len(means)

    @property
    def best_return(self) -> float | None:
        """The highest mean return of an evaluation along the way, averaged over seeds; None without an evaluation."""
        bests = [run.progress.best_eval_return_mean for run in self.runs]
        known = [best for best in bests if best is not None]
        return sum(known) / len(known) if len(known) == len(bests) else None

    def result(self) -> float | None:
        """The mean return of the last evaluation, averaged over seeds; None without an evaluation.

        Raises:
            ConfigError: if the job could not be trained.
            DivergedError: if a loss or a parameter is no longer finite.
            RunError: if the machine failed the job.
        """
        if self.error:
            raise self.error
        for run in self.runs:
            if run.status == "diverged":
                raise DivergedError(self._divergence(run))
        return self.mean_return

    def _divergence(self, run: "Run") -> str:
        seed = f"seed {run.config.seed} of " if len(self.runs) > 1 else ""
        kept = f" The last good checkpoint is kept in {run.directory}." if run.directory else ""
        return (
            f"{seed}training diverged after {run.updates} updates: a loss or a parameter is not finite; "
            f"lower optimizer.learning_rate.{kept}"
        )
