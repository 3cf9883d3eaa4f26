"""Names that metrics had before version 0.2.0, without sections, so that runs of 0.1 can be resumed and reported.

Files are read with the names of today. This module can go with version 1.0, which need not resume runs of 0.1.
"""

from typing import Any

from jaxac import names

_LOSSES = ("entropy", "explained_variance", "advantage_std", "value_mean", "gradient_norm", "learning_rate")
_ASYNC = ("staleness_mean", "staleness_max", "staleness_histogram", "pushes_dropped", "pulls_forced", "shard_env_steps")
_ROW = {
    "seconds": names.SECONDS,
    "sps": names.SPS,
    "versions_per_second": names.SERVER_STEPS_PER_SECOND,
    "idle_share": names.IDLE_SHARE,
    "contention": names.CONTENTION,
    "eval_return_mean": names.RETURN,
    "eval_return_std": names.RETURN_STD,
    "eval_episodes": names.EVAL_EPISODES,
    **{name: f"train/{name}" for name in ("episodes", "episode_return", "episode_length", *_LOSSES)},
    **{name: f"async/{name}" for name in (*_ASYNC, "parameter_distance", "policy_kl")},
    "versions": names.SERVER_STEPS,
}
_SUMMARY = {
    **{old: new for old, new in _ROW.items() if old.startswith("eval_")},
    "best_eval_return_mean": names.BEST_RETURN,
    "best_env_steps": names.BEST_ENV_STEPS,
    "threshold": names.THRESHOLD,
    "env_steps_to_threshold": names.STEPS_TO_THRESHOLD,
    "seconds_to_threshold": names.SECONDS_TO_THRESHOLD,
    "seeds_that_reached_threshold": names.SEEDS_TO_THRESHOLD,
    "train_seconds": names.SECONDS,
    "sps": names.SPS_MEAN,
    "compile_seconds": names.COMPILE_SECONDS,
    "wall_seconds": names.WALL_SECONDS,
}


def row(found: dict[str, Any]) -> dict[str, Any]:
    """A row, with the names of today.

    >>> row({"env_steps": 1, "seconds": 2.0, "sparsity_loss": 0.1, "eval_return_mean_low": None})
    {'env_steps': 1, 'time/seconds': 2.0, 'train/sparsity_loss': 0.1, 'eval/return_mean_low': None}
    """
    return {_today(name, _ROW): value for name, value in found.items()}


def summary(found: dict[str, Any]) -> dict[str, Any]:
    """The contents of ``summary.json``, with the names of today.

    >>> summary({"status": "completed", "sps": 2.0, "versions": {"jax": "0.10.2"}})
    {'status': 'completed', 'time/sps_mean': 2.0, 'versions': {'jax': '0.10.2'}}
    """
    return {_today(name, _SUMMARY): value for name, value in found.items()}


def _today(name: str, table: dict[str, str]) -> str:
    stem = name.removesuffix("_low").removesuffix("_high")
    if stem.endswith("_loss") and "/" not in stem:  # a term of a user's own objective as well
        return f"train/{name}"
    return table.get(stem, stem) + name[len(stem) :]
