"""What experiments share: composing a configuration, training in memory, recording where a result was made."""

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra import compose, initialize_config_dir

from jaxac import train as entry_point
from jaxac.config import Config

if TYPE_CHECKING:  # JAX must not be imported before a process is prepared
    from jaxac.program import Program
    from jaxac.spec import Spec

RESULTS = Path(__file__).parent / "results"


def make_config(*overrides: str) -> Config:
    """The configuration that these overrides give on the command line."""
    with initialize_config_dir(entry_point.CONF, version_base="1.3"):
        return entry_point.to_config(compose("config", list(overrides)))


def prepare(by_threads: bool = False) -> None:
    """Sets a process up as the command does for a large run, before JAX looks for devices.

    Args:
        by_threads: A3C's threads will compute in it.
    """
    from jaxac import machine

    machine.use_cores(by_threads)
    machine.enable_compilation_cache("auto")


def timed_chunk(compiled: "Program", numbers: "Spec", state: Any, updates: int) -> tuple[Any, float]:
    """The state ``updates`` updates later, and the seconds that took."""
    import jax

    start = time.perf_counter()
    state, report = compiled.chunk(numbers, state, updates)
    jax.block_until_ready(report)
    return state, time.perf_counter() - start


def learn(config: Config) -> dict[str, Any]:
    """Trains in memory, evaluating at the configured cadence, each time on all ``evaluation.episodes``.

    Returns:
        ``env_steps`` and ``returns`` (mean return) of every evaluation, and ``train_seconds`` without compilation or
        evaluation.
    """
    from jaxac import program, schedule, spec

    plan, numbers = schedule.make(config), spec.make(config)
    compiled = program.compile_program(config, numbers)
    train_key, evaluation_key = program.keys(config.seed)
    state = compiled.init(numbers, train_key)
    updates, train_seconds = 0, 0.0
    curve: dict[str, list[float]] = {"env_steps": [], "returns": []}
    while updates < plan.total:
        target = plan.next_stop(updates)
        state, seconds = timed_chunk(compiled, numbers, state, target - updates)
        updates, train_seconds = target, train_seconds + seconds
        if plan.evaluates_at(updates):
            batches = range(program.EVALUATION_BATCHES)
            returns = program.evaluate_batches(compiled, numbers, state, evaluation_key, updates, batches)
            curve["env_steps"].append(config.env_steps(updates))
            curve["returns"].append(float(returns.mean()))
    compiled.close()
    return {**curve, "train_seconds": train_seconds}


def learn_lanes(configs: list[Config]) -> dict[str, Any]:
    """As :func:`learn`, for many configurations at once: one program, ``vmap`` over what they differ in.

    Args:
        configs: that differ in numbers only (seed, rates, coefficients, delays …), not in sizes or choices.

    Returns:
        ``env_steps [E]`` and ``returns [lanes][E]`` of the evaluations, ``metrics`` (``[lanes][E]`` each, of the chunk
        before) and ``train_seconds`` of all lanes together, without compilation or evaluation.
    """
    import functools

    import jax
    import jax.numpy as jnp

    from jaxac import evaluation, program, schedule, spec
    from jaxac.algos import ALGOS
    from jaxac.spec import Spec
    from jaxac.types import Array, PRNGKey, PyTree

    config, plan = configs[0], schedule.make(configs[0])
    plan = plan._replace(log_every=0, evaluate_every=plan.evaluate_every or plan.total, checkpoint_every=0)
    algo, settings = ALGOS[config.algo.name], config.evaluation
    specs = jax.tree.map(lambda *leaves: jnp.stack(leaves), *map(spec.make, configs))
    train_keys, evaluation_keys = (
        jnp.stack(keys) for keys in zip(*(program.keys(c.seed) for c in configs), strict=True)
    )

    @jax.jit
    @jax.vmap
    def evaluate(spec: Spec, state: PyTree, key: PRNGKey) -> Array:
        returns = evaluation.evaluate(spec, algo.params(state), key, settings.episodes, settings.greedy)
        return returns.mean()

    state = jax.jit(jax.vmap(algo.init))(specs, train_keys)
    lanes = jax.vmap(functools.partial(program.run_chunk, algo), (0, 0, None))
    lives = jax.tree.map(lambda leaf: leaf.sharding, state)
    chunk = jax.jit(lanes, donate_argnums=1, out_shardings=(lives, None)).lower(specs, state, 1).compile()
    updates, train_seconds, env_steps, returns, rows = 0, 0.0, [], [], []
    while updates < plan.total:
        start, target = time.perf_counter(), plan.next_stop(updates)
        state, report = chunk(specs, state, jnp.int32(target - updates))
        jax.block_until_ready(report)
        train_seconds += time.perf_counter() - start
        updates = target
        now = jax.vmap(jax.random.fold_in, (0, None))(evaluation_keys, updates)
        env_steps.append(config.env_steps(updates))
        returns.append(evaluate(specs, state, now))
        rows.append(_scalars(report))
    metrics = {name: [[row[name][lane] for row in rows] for lane in range(len(configs))] for name in rows[0]}
    curves = [[float(mean[lane]) for mean in returns] for lane in range(len(configs))]
    return {"env_steps": env_steps, "returns": curves, "metrics": metrics, "train_seconds": train_seconds}


def _scalars(report: Any) -> dict[str, list[float]]:
    """What the tables need of a chunk's report ``[lanes, ...]``."""
    import numpy as np

    found = {"entropy": report.metrics.entropy}
    if report.asynchrony:
        counts = np.asarray(report.asynchrony.staleness)
        found["staleness_mean"] = counts @ np.arange(counts.shape[1]) / counts.sum(1)
        found["pushes_dropped"] = report.asynchrony.dropped
    return {name: np.asarray(values, float).tolist() for name, values in found.items()}


def load(name: str) -> dict[str, Any]:
    """What :func:`save` wrote last under ``name``; empty if nothing."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else {}


def save(name: str, result: dict[str, Any], command: str | None = None) -> Path:
    """Writes ``result`` to ``experiments/results``, with the versions, the device and the command that made it.

    Args:
        command: if it is not the one that runs.
    """
    from jaxac import machine

    RESULTS.mkdir(exist_ok=True)
    command = command or " ".join(["python", "-m", f"experiments.{Path(sys.argv[0]).stem}", *sys.argv[1:]])
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps({"command": command, **machine.describe(), **result}, indent=1) + "\n")
    return path
