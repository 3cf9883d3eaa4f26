"""The loggers that a configuration asks for."""

from collections.abc import Callable
from pathlib import Path

from jaxac.config.schema import Config
from jaxac.loggers import wandb_process
from jaxac.loggers.base import Logger
from jaxac.loggers.json_lines import JsonLines
from jaxac.loggers.wandb import Wandb
from jaxac.storage import run_directory


def begin(config: Config) -> None:
    """Begins what the loggers of ``config.logger`` need and takes a while; they do without this call, and then wait."""
    if config.logger.wandb.mode != "disabled":
        wandb_process.shared()


def settle(say: Callable[[str], None]) -> None:
    """Waits until all that loggers of this process took is written.

    Args:
        say: shows people a line of text.
    """
    wandb_process.settle(say)


def open_loggers(
    config: Config, directory: Path, run_id: str, group: str | None, console: Logger | None
) -> list[Logger]:
    """Opens the loggers that ``config.logger`` asks for; ``metrics.jsonl`` is always written.

    Args:
        config: the run's configuration.
        directory: the run's directory.
        run_id: identity of the run at Weights & Biases.
        group: W&B group; None for none.
        console: one more logger; None for none.
    """
    loggers: list[Logger] = [JsonLines(directory / run_directory.METRICS)]
    if config.logger.wandb.mode != "disabled":
        loggers.append(Wandb(config, directory, run_id, group))
    return [*loggers, console] if console else loggers
