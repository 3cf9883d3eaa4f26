"""What people look at after a run: the learning curve and one episode of the final policy."""

from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxac.agent import actor_critic, evaluation
from jaxac.algos import ALGOS
from jaxac.config.schema import Config
from jaxac.programs import program
from jaxac.spec import Spec
from jaxac.storage import run_directory
from jaxac.types import PRNGKey, PyTree

_MAX_STEPS = 1000


def learning_curve(rows: list[dict[str, Any]], title: str, threshold: float | None, path: Path) -> Path:
    """Return against environment steps: of training episodes, and of evaluations."""
    from matplotlib.figure import Figure  # slow to import; without pyplot, which would look for a screen
    from matplotlib.ticker import EngFormatter

    figure = Figure(figsize=(7, 4), layout="constrained", dpi=120)
    axes = figure.add_subplot()
    styles: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("episode_return", "training episodes", {"color": "0.65", "linewidth": 1}),
        ("eval_return_mean", "evaluation", {"color": "C0", "marker": "o", "markersize": 3}),
    )
    for name, label, style in styles:
        points = [(row["env_steps"], row[name]) for row in rows if row.get(name) is not None]
        if points:
            axes.plot(*zip(*points, strict=True), label=label, **style)
        band = [[row["env_steps"], row[f"{name}_low"], row[f"{name}_high"]] for row in rows if row.get(f"{name}_low")]
        if band:
            steps, low, high = zip(*band, strict=True)
            axes.fill_between(steps, low, high, color=style["color"], alpha=0.2, linewidth=0)
    if threshold is not None:
        axes.axhline(threshold, color="C2", linewidth=1, linestyle="--", label=f"solved ({threshold:g})")
    axes.set(title=title, xlabel="environment steps", ylabel="episode return")
    axes.xaxis.set_major_formatter(EngFormatter())
    axes.grid(alpha=0.3)
    axes.legend(loc="best")
    figure.savefig(path)
    return path


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
    return [learning_curve(rows, title, config.return_threshold, directory / "learning_curve.png")]


def make(config: Config, directory: Path, spec: Spec, state: PyTree, status: str | None) -> list[Path]:
    """Writes what ``config.logger`` asks for."""
    files = curve(config, directory)
    if config.logger.gif and status == "completed":
        from jaxac import render

        key = jax.random.fold_in(program.keys(config.seed)[1], 0)
        frames = play(spec, state, config.algo.name, key, config.evaluation.greedy)
        files.append(render.save_gif(config.env.name, frames, directory / "policy.gif"))
    return files
