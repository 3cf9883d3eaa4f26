"""What experiments share: composing a configuration, training in memory, recording where a result was made."""

import json
import sys
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir

from jaxac import train as entry_point
from jaxac.config import Config

RESULTS = Path(__file__).parent / "results"


def make_config(*overrides: str) -> Config:
    """The configuration that these overrides give on the command line."""
    with initialize_config_dir(entry_point.CONF, version_base="1.3"):
        return entry_point.to_config(compose("config", list(overrides)))


def learn(config: Config) -> dict[str, Any]:
    """Trains in memory, evaluating at the configured cadence, each time on all ``evaluation.episodes``.

    Returns:
        ``env_steps`` and ``returns`` (mean return) of every evaluation, and ``train_seconds`` without compilation or
        evaluation.
    """
    import time

    import jax

    from jaxac import program, schedule, spec

    plan, numbers = schedule.make(config), spec.make(config)
    compiled = program.compile_program(config, numbers)
    train_key, evaluation_key = program.keys(config.seed)
    state = compiled.init(numbers, train_key)
    updates, train_seconds = 0, 0.0
    curve: dict[str, list[float]] = {"env_steps": [], "returns": []}
    while updates < plan.total:
        start, target = time.perf_counter(), plan.next_stop(updates)
        state, report = compiled.chunk(numbers, state, target - updates)
        jax.block_until_ready(report)
        train_seconds += time.perf_counter() - start
        updates = target
        if plan.evaluates_at(updates):
            batches = range(program.EVALUATION_BATCHES)
            returns = program.evaluate_batches(compiled, numbers, state, evaluation_key, updates, batches)
            curve["env_steps"].append(config.env_steps(updates))
            curve["returns"].append(float(returns.mean()))
    return {**curve, "train_seconds": train_seconds}


def load(name: str) -> dict[str, Any]:
    """What :func:`save` wrote last under ``name``; empty if nothing."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else {}


def save(name: str, result: dict[str, Any]) -> Path:
    """Writes ``result`` to ``experiments/results``, with the command, the versions and the device that made it."""
    from jaxac import machine

    RESULTS.mkdir(exist_ok=True)
    command = " ".join(["python", "-m", f"experiments.{Path(sys.argv[0]).stem}", *sys.argv[1:]])
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps({"command": command, **machine.describe(), **result}, indent=1) + "\n")
    return path
