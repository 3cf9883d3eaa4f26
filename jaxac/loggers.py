"""Where rows of metrics go: JSON lines, a live terminal line, Weights & Biases. Knows no JAX."""

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol, TextIO

import numpy as np
from rich.console import Console as RichConsole
from rich.live import Live

from jaxac import run_directory
from jaxac.config import Config
from jaxac.errors import ConfigError

Row = dict[str, Any]
"""Numbers, None, and lists: a histogram over 0, 1, 2, … if its name says so, else one number a shard."""
_PLAIN_SECONDS = 5.0  # between lines where the output is no terminal


class Logger(Protocol):
    """Takes the rows of one run, in order, then its end."""

    def log(self, row: Row) -> None:
        """One chunk's metrics; ``None`` where a metric has no value."""

    def finish(self, summary: dict[str, Any], artifacts: list[Path], exit_code: int) -> None:
        """The run has ended; ``summary`` is empty if it ended by an error."""


class JsonLines:
    """``metrics.jsonl``, flushed row by row."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a")

    def log(self, row: Row) -> None:
        self._file.write(json.dumps(row) + "\n")
        self._file.flush()

    def finish(self, summary: dict[str, Any], artifacts: list[Path], exit_code: int) -> None:
        del summary, artifacts, exit_code
        self._file.close()


class Console:
    """A line that lives on a terminal; elsewhere a line now and then."""

    def __init__(self, total_env_steps: int, out: TextIO | None = None) -> None:
        self._console = RichConsole(file=out or sys.stdout, highlight=False)
        self._total = total_env_steps
        self._live = Live(console=self._console, auto_refresh=False) if self._console.is_terminal else None
        self._evaluation: float | None = None
        self._printed = -float("inf")
        self._done_before: float | None = None
        self._started = 0.0

    def log(self, row: Row) -> None:
        if row.get("eval_return_mean") is not None:
            self._evaluation = row["eval_return_mean"]
        line = self._line(row)
        if self._live:
            self._live.start()  # does nothing the second time
            self._live.update(line, refresh=True)
        elif time.monotonic() - self._printed > _PLAIN_SECONDS or row["env_steps"] == self._total:
            self._console.print(line, soft_wrap=True)
            self._printed = time.monotonic()

    def _line(self, row: Row) -> str:
        done = float(row["env_steps"] or 0)
        if self._done_before is None:
            self._done_before, self._started = done, time.monotonic()
        elapsed, gained = time.monotonic() - self._started, done - self._done_before
        left = f"{(self._total - done) * elapsed / gained:.0f} s" if gained else "…"
        stale = f"  staleness {_number(row['staleness_mean'])}" if "staleness_mean" in row else ""
        return (
            f"{done / self._total:4.0%}  {_short(done)}/{_short(self._total)} steps  {_short(row['sps'])} SPS  "
            f"return {_number(row['episode_return'])}  evaluation {_number(self._evaluation)}{stale}  ETA {left}"
        )

    def finish(self, summary: dict[str, Any], artifacts: list[Path], exit_code: int) -> None:
        del artifacts, exit_code
        if self._live:
            self._live.stop()
        for line in closing_lines(summary) if summary else []:
            self._console.print(line, soft_wrap=True)


def closing_lines(summary: dict[str, Any]) -> list[str]:
    """The closing summary, for people."""
    lines = [
        f"{summary['status']} after {_short(summary['env_steps'])} steps ({summary['updates']} updates) in "
        f"{summary['train_seconds']:.1f} s of training, {_short(summary['sps'])} SPS; "
        f"compilation {summary['compile_seconds']:.1f} s"
    ]
    if summary["eval_return_mean"] is not None:
        lines.append(
            f"evaluation return {summary['eval_return_mean']:.1f} ± {summary['eval_return_std']:.1f} "
            f"over {summary['eval_episodes']} episodes"
        )
    if summary["env_steps_to_threshold"] is not None:
        lines.append(
            f"first reached {summary['threshold']:g} after {_short(summary['env_steps_to_threshold'])} steps, "
            f"{summary['seconds_to_threshold']:.1f} s of training"
        )
    lines.append(f"results in {summary['directory']}")
    if summary["status"] == "interrupted":
        lines.append(f"go on with: python -m jaxac.train resume={summary['directory']}")
    return lines


class Wandb:
    """A Weights & Biases run; offline it needs no account and no network."""

    def __init__(self, config: Config, run: Path, run_id: str, group: str | None) -> None:
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # its crash reports would look up a host
        import wandb

        self._wandb = wandb
        settings = wandb.Settings(
            silent=True, console="off", x_transaction_log_flush_interval=2, disable_git=True, disable_code=True
        )
        try:
            self._run = wandb.init(
                id=run_id,
                dir=run,
                config=run_directory.as_dict(config),
                reinit="create_new",
                settings=settings,
                **_identity(config, group),
            )
        except wandb.Error as error:
            raise ConfigError(
                f"logger.wandb.mode={config.logger.wandb.mode} does not work: {error} Or use logger.wandb.mode=offline."
            ) from None
        self._run.define_metric("env_steps")
        self._run.define_metric("*", step_metric="env_steps")

    def log(self, row: Row) -> None:
        self._run.log(dict(self._spread(row)))

    def _spread(self, row: Row) -> Iterator[tuple[str, Any]]:
        """What W&B can draw: histograms as such, one line a shard of other lists."""
        for name, value in row.items():
            if not isinstance(value, list):
                yield from [(name, value)] if value is not None else []
            elif name.endswith("_histogram"):
                if value:
                    yield name, self._wandb.Histogram(np_histogram=_at_most_512_bins(value))
            else:
                yield from ((f"{name}/{shard}", number) for shard, number in enumerate(value))

    def finish(self, summary: dict[str, Any], artifacts: list[Path], exit_code: int) -> None:
        images = {path.stem: self._wandb.Image(str(path)) for path in artifacts if path.suffix == ".png"}
        videos = {path.stem: self._wandb.Video(str(path)) for path in artifacts if path.suffix == ".gif"}
        if summary and (images or videos):
            self._run.log({"env_steps": summary["env_steps"], **images, **videos})
        self._run.summary.update({name: value for name, value in summary.items() if value is not None})
        self._run.finish(exit_code=exit_code)


def open_loggers(config: Config, directory: Path, run_id: str, group: str | None) -> list[Logger]:
    """The loggers that ``config.logger`` asks for; ``metrics.jsonl`` is always written."""
    loggers: list[Logger] = [JsonLines(directory / run_directory.METRICS)]
    if config.logger.wandb.mode != "disabled":
        loggers.append(Wandb(config, directory, run_id, group))
    if config.logger.console:
        loggers.append(Console(config.env_steps(config.num_updates)))
    return loggers


def _identity(config: Config, group: str | None) -> dict[str, Any]:
    settings = config.logger.wandb
    return {
        "mode": settings.mode,
        "project": settings.project,
        "entity": settings.entity,
        "group": settings.group or group,
        "job_type": settings.job_type,
        "name": settings.name,
        "tags": [config.env.name, config.algo.name, *settings.tags],
    }


def _short(value: float | None) -> str:
    if value is None:
        return "–"
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value:.0f}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def _at_most_512_bins(counts: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """W&B's limit; the counts of 0, 1, 2, … in bins of the same whole width, and the bins' edges."""
    width = -(-len(counts) // 512)
    edges = np.arange(0, len(counts) + width, width)
    return np.add.reduceat(counts, edges[:-1]), edges
