"""Measures the speed of A3C: in virtual time against A2C, and threads against one.

    python -m experiments.a3c_speed                   4096 environments: about 4 minutes on 2 cores

*Compiled*: A2C and A3C with the same 16 shards, environments, unroll and network, alternating in one process; chunks of
``--updates`` updates, and the ratio pair by pair. *Threads*: two shards, each with a core, against one shard on one
core with as many environments as each of the two has; every run in a process of its own, since cores are given to
processes, alternating.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from typing import Any

from experiments.common import prepare, save, timed_chunk
from jaxac.config.compose import make_config


def compiled(num_envs: int, updates: int, pairs: int) -> list[dict[str, float]]:
    """Environment steps per second of A2C and A3C."""
    prepare()
    from jaxac import spec
    from jaxac.programs import program

    arms = {}
    for algo in ("a2c", "a3c"):
        config = make_config(f"+algo={algo}", f"env.num_envs={num_envs}", "algo.num_shards=16")
        numbers = spec.make(config)
        built = program.compile_program(config, numbers)
        arms[algo] = [config, numbers, built, built.init(numbers, program.keys(0)[0])]

    def sps(algo: str) -> float:
        config, numbers, built, state = arms[algo]
        arms[algo][3], seconds = timed_chunk(built, numbers, state, updates)
        return updates * config.steps_per_update / seconds

    for algo in arms:
        sps(algo)  # the first chunk warms up
    rows = []
    for pair in range(pairs):
        order = ("a2c", "a3c") if pair % 2 else ("a3c", "a2c")
        found = {algo: sps(algo) for algo in order}
        rows.append({"a2c": found["a2c"], "a3c": found["a3c"], "ratio": found["a3c"] / found["a2c"]})
    return rows


def threads(num_envs: int, updates: int, pairs: int) -> list[dict[str, float]]:
    """Environment steps per second of one shard on one core, and of two on two."""
    rows = []
    for pair in range(pairs):
        order = (1, 2) if pair % 2 else (2, 1)
        found = {shards: _in_a_process(num_envs * shards // 2, shards, updates) for shards in order}
        rows.append({"one": found[1], "two": found[2], "ratio": found[2] / found[1]})
    return rows


def _in_a_process(num_envs: int, shards: int, updates: int) -> float:
    command = [sys.executable, "-m", "experiments.a3c_speed", "--worker", str(num_envs), str(shards), str(updates)]
    return float(
        json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
    )


def _worker(num_envs: int, shards: int, updates: int) -> None:
    """Prints the steps per second of threads on as many cores as there are shards."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:shards])
    prepare(by_threads=True)
    from jaxac import spec
    from jaxac.programs import program

    overrides = (f"env.num_envs={num_envs}", f"algo.num_shards={shards}", "algo.runtime=threads")
    config = make_config("+algo=a3c", *overrides, f"total_env_steps={2 * updates * num_envs * 16}")
    numbers = spec.make(config)
    built = program.compile_program(config, numbers)
    state = built.init(numbers, program.keys(0)[0])
    state, _ = built.chunk(numbers, state, updates // 2)
    _, seconds = timed_chunk(built, numbers, state, updates)
    built.close()
    print(json.dumps(updates * config.steps_per_update / seconds))


def summarize(name: str, rows: list[dict[str, float]]) -> dict[str, Any]:
    """Prints and returns medians and spreads."""
    print(name)
    result: dict[str, Any] = {"pairs": rows}
    for key in rows[0]:
        values = [row[key] for row in rows]
        result[key] = {"median": statistics.median(values), "low": min(values), "high": max(values)}
        median, low, high = (f"{x:,.2f}" if key == "ratio" else f"{x:,.0f}" for x in result[key].values())
        print(f"  {key:6} {median:>11}   {low} … {high}")
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--num-envs", type=int, default=4096)
    parser.add_argument("--updates", type=int, default=40, help="of a chunk that is timed")
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--worker", nargs=3, type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        _worker(*args.worker)
        return
    real = threads(args.num_envs, args.updates, args.pairs)  # before JAX starts here
    virtual = compiled(args.num_envs, args.updates, args.pairs)
    result = {
        "num_envs": args.num_envs,
        "threads": summarize("two shards with a core each, against one (steps per second)", real),
        "compiled": summarize("A3C compiled against A2C, 16 shards each (steps per second)", virtual),
    }
    print(f"written to {save('a3c_speed', result)}")


if __name__ == "__main__":
    main()
