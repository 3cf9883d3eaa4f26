"""Pictures of a run for people: the learning curve and one episode of the final policy."""

from pathlib import Path

import jax

from jaxac.agent import policy
from jaxac.config.schema import Config
from jaxac.loggers import learning_curve
from jaxac.programs import program
from jaxac.spec import Spec
from jaxac.storage import run_directory
from jaxac.types import Params


def curve(config: Config, directory: Path) -> list[Path]:
    """Writes the learning curve if ``config.logger`` asks for it; returns the files written."""
    rows = run_directory.rows(directory)
    if not config.logger.curve or not rows:
        return []
    seeds = f"seed {config.seed}" if config.num_seeds == 1 else f"{config.num_seeds} seeds"
    title = f"{config.algo.name.upper()} on {config.env.name}, {config.env.num_envs} environments, {seeds}"
    return [learning_curve.save(rows, title, config.return_threshold, directory / "learning_curve.png")]


def make(config: Config, directory: Path, spec: Spec, params: Params, completed: bool) -> list[Path]:
    """Writes the pictures that ``config.logger`` asks for; returns the files written.

    Args:
        config: the run's configuration.
        directory: the run's directory.
        spec: the training program.
        params: the final parameters.
        completed: True if the run has completed; without that there is no GIF.
    """
    files = curve(config, directory)
    if config.logger.gif and completed:
        from jaxac.loggers import gif

        key = jax.random.fold_in(program.keys(config.seed)[1], 0)
        frames = policy.record(spec, params, key, config.evaluation.greedy)
        files.append(gif.save_gif(config.env.name, frames, directory / "policy.gif"))
    return files
