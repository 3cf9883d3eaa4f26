"""Run directories as a run writes them, made in a moment."""

import copy
import json

import yaml

THRESHOLD = 475.0
CONFIG = {
    "seed": 0,
    "total_env_steps": 1000,
    "stop_after_updates": None,
    "env": {"name": "CartPole-v1", "num_envs": 8, "params": {}},
    "algo": {"name": "a2c", "num_shards": 1, "unroll_length": 4},
    "network": {"shared": True, "hidden_sizes": [8]},
    "optimizer": {"name": "adam", "learning_rate": 0.003},
    "evaluation": {"every": 100, "episodes": 256, "greedy": False, "stop_at_return": None},
    "checkpoint": {"every": None, "keep": 3},
    "logger": {"every": 100, "wandb": {"name": None}},
    "resume": None,
    "compilation_cache": "auto",
}
MACHINE = {"versions": {"python": "3.11.7", "jax": "0.10.2"}, "devices": ["cpu:0 cpu"]}


def with_settings(**settings):
    """``CONFIG`` with ``env__name=…`` and the like."""
    config = copy.deepcopy(CONFIG)
    for name, value in settings.items():
        *sections, last = name.split("__")
        place = config
        for section in sections:
            place = place[section]
        place[last] = value
    return config


def rows_of(returns, **extra):
    """A row and an evaluation every 100 steps; ``extra`` gives each row's further metrics as lists."""
    return [
        {
            "env_steps": 100 * number,
            "updates": number,
            "time/seconds": 0.5 * number,
            "time/sps": 200.0,
            "train/episode_return": None,
            "eval/return_mean": value,
            **{name: values[number - 1] for name, values in extra.items()},
        }
        for number, value in enumerate(returns, 1)
    ]


def summary_of(rows, status="completed"):
    above = [row["env_steps"] for row in rows if (row["eval/return_mean"] or 0) >= THRESHOLD]
    return {
        "status": status,
        "eval/return_mean": rows[-1]["eval/return_mean"],
        "env_steps": rows[-1]["env_steps"],
        "time/sps_mean": 200.0,
        "eval/threshold": THRESHOLD,
        "eval/env_steps_to_threshold": above[0] if above else None,
        "run_id": "0123abcd",
        **MACHINE,
    }


def write_run(
    directory, returns=(20.0, 300.0, 490.0), *, status="completed", overrides=("+algo=a2c",), rows=None, **settings
):
    """A whole run; ``status=None`` leaves out the summary."""
    directory.mkdir(parents=True)
    rows = rows_of(returns) if rows is None else rows
    (directory / "config.yaml").write_text(yaml.safe_dump(with_settings(**settings), sort_keys=False))
    (directory / "overrides.yaml").write_text(yaml.safe_dump(list(overrides)))
    (directory / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    if status:
        (directory / "summary.json").write_text(json.dumps(summary_of(rows, status)))
    return directory


def write_sweep(directory, rates=(1e-4, 1e-3, 1e-2), seeds=(0, 1, 2), returns=lambda rate, seed: (20.0, 300.0, 490.0)):
    """A multirun over learning rates and seeds; ``returns(rate, seed)`` are a run's evaluations."""
    directory.mkdir(parents=True)
    (directory / "multirun.yaml").write_text("hydra: {}\n")
    for number, (rate, seed) in enumerate((rate, seed) for rate in rates for seed in seeds):
        overrides = ("+algo=a2c", f"optimizer.learning_rate={rate}", f"seed={seed}")
        write_run(
            directory / str(number), returns(rate, seed), overrides=overrides, optimizer__learning_rate=rate, seed=seed
        )
    return directory
