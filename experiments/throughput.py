"""The speed of training: environment steps per second over sizes, networks and algorithms, stage by stage, and peers.

    python -m experiments.throughput                                     about 8 minutes on 2 cores
    python -m experiments.throughput --peers --peers-python PYTHON       and against PureJaxRL, rejax, SB3
    … --rows kinds                                                       only tasks of other kinds
    … --peers --tasks pendulum breakout --pairs 3                        of cartpole, pendulum, breakout only these

Training only: compilation is timed apart, nothing is evaluated or written; medians and ranges of repeats. ``share`` is
the matrix work of a step (four forward passes' worth: two forward, two backward) as a share of what the machine does in
plain products of [4096, 64] and [64, 64] matrices; convolutions are not counted. Peers run in processes of their own,
alternating with ours on the same setting, and ratios are taken pair by pair. ``experiments/README.md`` says how to
install them.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from experiments.common import prepare, save, timed_chunk
from experiments.throughput_stages import matmul_rate, stages
from jaxac.config.compose import make_config

NETWORKS = {"separate": "separate 64-64 tanh", "shared": "shared 128 relu"}
SIZES = [(64, 16), (512, 16), (4096, 5), (4096, 16), (4096, 32), (16384, 16)]
KINDS = {
    "Pendulum, separate 64-64 tanh": ("separate", "env.name=Pendulum-v1"),
    "Breakout, flat, separate 64-64 tanh": ("separate", "env.name=Breakout-MinAtar"),
    "Breakout, conv": ("conv", "env.name=Breakout-MinAtar"),
    **{f"CartPole, {cell}": ("shared", f"network.memory={cell}") for cell in ("gru", "lstm", "mingru")},
}
"""Tasks of other kinds at 4096 × 16, each with its network and what else it needs."""
FLAT = ("Pendulum, separate 64-64 tanh", "Breakout, flat, separate 64-64 tanh")
"""Those that are measured stage by stage."""
REPEATS = 5
SECONDS = 0.5
"""Of a repeat, about."""


def overrides(algo: str, network: str, num_envs: int, unroll: int, *more: str) -> tuple[str, ...]:
    """The command line of a setting."""
    shards = ("algo.num_shards=16",) if algo == "a3c" else ()
    return (
        f"+algo={algo}",
        f"network={network}",
        f"env.num_envs={num_envs}",
        f"algo.unroll_length={unroll}",
        *shards,
        *more,
    )


def by_size() -> dict[str, tuple[str, ...]]:
    """The command lines of CartPole's rows, by name."""
    sizes = (("a2c", "shared", SIZES), ("a2c", "separate", SIZES), ("a3c", "shared", [(4096, 16)]))
    return {
        f"{algo.upper()}, {NETWORKS[network]}, {num_envs} × {unroll}": overrides(algo, network, num_envs, unroll)
        for algo, network, pairs in sizes
        for num_envs, unroll in pairs
    }


def by_kind() -> dict[str, tuple[str, ...]]:
    """The command lines of the rows of other kinds, by name."""
    return {name: overrides("a2c", network, 4096, 16, *more) for name, (network, *more) in KINDS.items()}


def train(setting: tuple[str, ...], repeats: int = REPEATS) -> dict[str, Any]:
    """Environment steps per second of each repeat, and what that takes.

    Returns:
        ``sps`` of every repeat, and ``cpu_sps``, steps per second of a core at work; ``compile_seconds``;
        ``call_seconds``, what a call costs on top of its updates; ``memory_bytes`` of a device; ``flops_per_step``;
        ``digest`` of the parameters after two updates.
    """
    import jax

    from jaxac import spec
    from jaxac.programs import program
    from jaxac.storage import serialization

    config = make_config(*setting)
    numbers = spec.make(config)
    compiled = program.compile_program(config, numbers)
    state, seconds = timed_chunk(compiled, numbers, compiled.init(numbers, program.keys(0)[0]), 2)
    updates = max(2, round(2 * SECONDS / seconds))
    digest = serialization.digest(state.server.params)
    rates, cpu_rates, calls = [], [], []
    for _ in range(repeats):
        state, call = timed_chunk(compiled, numbers, state, 1)
        cpu = time.process_time()
        state, seconds = timed_chunk(compiled, numbers, state, updates)
        cpu_rates.append(config.steps_per_update * updates / (time.process_time() - cpu))
        rates.append(config.steps_per_update * updates / seconds)
        calls.append(call - seconds / updates)
    weights = sum(leaf.size for leaf in jax.tree.leaves(state.server.params.network) if leaf.ndim == 2)
    return {
        "sps": rates,
        "cpu_sps": cpu_rates,
        "compile_seconds": compiled.compile_seconds,
        "flops_per_step": 8 * weights,
        "call_seconds": statistics.median(calls),
        "memory_bytes": compiled.memory_bytes,
        "digest": digest,
    }


def table(rows: dict[str, dict[str, Any]], matmul: float) -> None:
    """Prints the rows."""
    print(f"{'setting':44} {'SPS':>11} {'lowest':>11} {'highest':>11} {'share':>6} {'call, ms':>9} {'MB':>7} compile")
    for name, row in rows.items():
        median = statistics.median(row["sps"])
        share = median * row["flops_per_step"] / matmul
        low, high, compiling = min(row["sps"]), max(row["sps"]), row["compile_seconds"]
        call, memory = 1e3 * row["call_seconds"], row["memory_bytes"] / 1e6
        line = f"{name:44} {median:11,.0f} {low:11,.0f} {high:11,.0f} {share:6.0%} {call:9.2f} {memory:7.1f}"
        print(f"{line} {compiling:6.1f}s")


def plot(rows: dict[str, dict[str, Any]], path: Path) -> None:
    """A bar a setting."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 0.35 * len(rows) + 1), layout="constrained", dpi=120)
    axes = figure.add_subplot()
    names, medians = list(rows), [statistics.median(row["sps"]) / 1e6 for row in rows.values()]
    axes.barh(names, medians, color="C0")
    axes.invert_yaxis()
    axes.set(xlabel="million environment steps per second of training")
    axes.grid(axis="x", alpha=0.3)
    figure.savefig(path)


def measure(result: str, settings: dict[str, tuple[str, ...]], staged: Mapping[str, tuple[str, ...]]) -> None:
    """Trains with all settings, measures the stages of some, and prints, saves and plots that.

    Args:
        result: the name of the result.
        settings: command lines by the names of their rows.
        staged: command lines without sizes, by their names.
    """
    matmul, rows = matmul_rate(), {}
    print(f"matrix products: {matmul / 1e9:.0f} GFLOP/s")
    for name, setting in settings.items():
        rows[name] = train(setting)
        print(f"{name}: {statistics.median(rows[name]['sps']):,.0f} SPS", flush=True)
    table(rows, matmul)
    parts = {name: stages(*setting) for name, setting in staged.items()}
    for name, found in parts.items():
        print(name, "ns a step on one core:", {stage: round(value) for stage, value in found.items()})
    path = save(result, {"matmul_flops": matmul, "rows": rows, "stages_ns_per_step": parts})
    plot(rows, path.with_suffix(".png"))
    print(f"written to {path}")


def main() -> None:
    from experiments import throughput_peers  # whose command lines are made here

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", action="store_true", help="only against peers")
    parser.add_argument("--peers-python", default=sys.executable, help="of the environment they are installed in")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--tasks", nargs="+", choices=throughput_peers.TASKS, default=[*throughput_peers.TASKS])
    parser.add_argument("--rows", nargs="+", choices=["sizes", "kinds"], default=["sizes", "kinds"])
    parser.add_argument("--one", nargs="+", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.peers:
        throughput_peers.measure(args.peers_python, args.tasks, args.pairs)
        return
    prepare()
    if args.one:
        print(json.dumps(train(tuple(args.one))))
        return
    if "sizes" in args.rows:
        networks = {NETWORKS[network]: ("+algo=a2c", f"network={network}") for network in NETWORKS}
        measure("throughput", by_size(), networks)
    if "kinds" in args.rows:
        flat = {name: ("+algo=a2c", "network=separate", KINDS[name][1]) for name in FLAT}
        measure("throughput_kinds", by_kind(), flat)


if __name__ == "__main__":
    main()
