"""Measures how cost grows: environment steps per second of training over devices, environments, shards and lanes.

    python -m experiments.scaling                        about 6 minutes on 2 cores
    python -m experiments.scaling --only devices "lanes, vmapped"       the others stay as they were measured last

Every setting in a process of its own. ``devices`` are those of the host: as many as there are cores make it faster,
more of them only show that the result stays the same (``digest``, of the parameters after the measurement).
"""

import argparse
import json
import os
import statistics
import time
from typing import Any

from experiments.common import alone, load, prepare, save
from experiments.throughput import REPEATS, SECONDS, overrides, train
from jaxac.config.compose import make_config

LARGE = overrides("a2c", "shared", 4096, 16)
LANE = ("+algo=a2c", "env.num_envs=8", "algo.unroll_length=5")
AXES: dict[str, list[int]] = {
    "devices": [1, 2, 4],
    "environments": [16, 64, 256, 1024, 4096, 16384, 65536],
    "shards": [1, 4, 16, 64],
    "lanes on cores": [1, 2, 16, 64],
    "lanes, vmapped": [1, 2, 16, 64, 256],
}


def measure(axis: str, size: int) -> dict[str, Any]:
    """One setting; in a process whose devices are not fixed yet."""
    if axis == "devices":
        use_devices(size)
        return train(LARGE)
    prepare(by_threads=axis == "lanes on cores")
    if axis == "environments":
        return train(overrides("a2c", "shared", size, 16))
    if axis == "shards":
        return train((*overrides("a3c", "shared", 4096, 16), f"algo.num_shards={size}"))
    return train_lanes(size, on_cores=axis == "lanes on cores")


def use_devices(number: int) -> None:
    """As many of the host's, each of one thread."""
    import jax

    jax.config.update("jax_num_cpu_devices", number)
    os.environ["NPROC"] = "1"


def train_lanes(number: int, on_cores: bool) -> dict[str, Any]:
    """As :func:`experiments.throughput.train`, of all lanes together: so many seeds of 8 environments × 5 steps."""
    from jaxac import spec
    from jaxac.programs import program
    from jaxac.programs.executor import Chunk, Executor
    from jaxac.programs.executors import Pooled, Vmapped

    config, seeds = make_config(*LANE), range(number)
    specs = [spec.make(config)] * number

    def on_every_core() -> Executor[Any, Any]:
        return Pooled(program.compile_program(config, specs[0]), specs, seeds, len(os.sched_getaffinity(0)))

    executor = on_every_core() if on_cores else Vmapped(config, specs, seeds, number)

    def advance(state: Any, updates: int) -> tuple[Any, float]:
        start = time.perf_counter()
        state, pending = executor.advance(state, Chunk(updates, updates, batches=(), save=False), range(number))
        executor.fetch(pending)
        return state, time.perf_counter() - start

    state, _ = advance(executor.start([None] * number), 2)
    state, seconds = advance(state, 100)
    updates, rates = max(10, round(100 * SECONDS / seconds)), []
    for _ in range(REPEATS):
        state, seconds = advance(state, updates)
        rates.append(number * config.steps_per_update * updates / seconds)
    executor.close()
    return {"sps": rates, "compile_seconds": executor.compile_seconds, "memory_bytes": executor.memory_bytes}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", choices=AXES, default=list(AXES))
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(measure(args.one[0], int(args.one[1]))))
        return
    results: dict[str, dict[int, dict[str, Any]]] = load("scaling").get("results", {})
    for axis in args.only:
        print(f"\n| {axis} | SPS | lowest – highest | memory, MB | compilation, s |\n|---:|---:|---:|---:|---:|")
        rows = results[axis] = {}
        for size in AXES[axis]:
            row = rows[size] = alone("scaling", "--one", axis, str(size))
            low, median, high = min(row["sps"]), statistics.median(row["sps"]), max(row["sps"])
            memory, compiling = row["memory_bytes"] / 1e6, row["compile_seconds"]
            line = f"| {size} | {median:,.0f} | {low:,.0f} – {high:,.0f} | {memory:.1f} | {compiling:.1f} |"
            print(line + (f" {row['digest']}" if axis == "devices" else ""), flush=True)
    print(f"written to {save('scaling', {'results': results})}")


if __name__ == "__main__":
    main()
