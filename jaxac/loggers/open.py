"""Opens the loggers that a configuration asks for."""

from pathlib import Path

from jaxac.config.schema import Config
from jaxac.loggers.base import Logger
from jaxac.loggers.json_lines import JsonLines
from jaxac.loggers.wandb import Wandb
from jaxac.storage import run_directory


def open_loggers(
    config: Config, directory: Path, run_id: str, group: str | None, console: Logger | None
) -> list[Logger]:
    """The loggers that ``config.logger`` asks for; ``metrics.jsonl`` is always written."""
    loggers: list[Logger] = [JsonLines(directory / run_directory.METRICS)]
    if config.logger.wandb.mode != "disabled":
        loggers.append(Wandb(config, directory, run_id, group))
    return [*loggers, console] if console else loggers
