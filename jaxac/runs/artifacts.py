"""What people look at after a run: the learning curve and one episode of the final policy."""

from pathlib import Path

import jax
import numpy as np

from jaxac.agent import actor_critic, evaluation
from jaxac.algos import ALGOS
from jaxac.config.schema import Config
from jaxac.loggers import learning_curve
from jaxac.programs import program
from jaxac.spec import Spec
from jaxac.storage import run_directory
from jaxac.types import PRNGKey, PyTree

_MAX_STEPS = 1000


def play(spec: Spec, state: PyTree, algo: str, key: PRNGKey, greedy: bool) -> np.ndarray:
    """[steps, *observation_shape] the observations of one episode of at most 1000 steps."""
    env, _ = actor_critic.build(spec)
    record = jax.jit(evaluation.record_episode, static_argnums=(3, 4))
    observations, length = record(spec, ALGOS[algo].params(state), key, _MAX_STEPS, greedy)
    return np.asarray(observations)[: int(length)].reshape(-1, *env.observation_shape)


def curve(config: Config, directory: Path) -> list[Path]:
    """Writes the learning curve if ``config.logger`` asks for it."""
    rows = run_directory.rows(directory)
    if not config.logger.curve or not rows:
        return []
    seeds = f"seed {config.seed}" if config.num_seeds == 1 else f"{config.num_seeds} seeds"
    title = f"{config.algo.name.upper()} on {config.env.name}, {config.env.num_envs} environments, {seeds}"
    return [learning_curve.save(rows, title, config.return_threshold, directory / "learning_curve.png")]


def make(config: Config, directory: Path, spec: Spec, state: PyTree, status: str | None) -> list[Path]:
    """Writes what ``config.logger`` asks for."""
    files = curve(config, directory)
    if config.logger.gif and status == "completed":
        from jaxac.loggers import gif

        key = jax.random.fold_in(program.keys(config.seed)[1], 0)
        frames = play(spec, state, config.algo.name, key, config.evaluation.greedy)
        files.append(gif.save_gif(config.env.name, frames, directory / "policy.gif"))
    return files
