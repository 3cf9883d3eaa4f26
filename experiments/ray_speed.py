"""Measures what Ray costs A3C on one machine: the same server with its threads' own gradients, or with learners'.

    python -m experiments.ray_speed           1024, then 2048 environments × 16 steps a shard: 8 minutes on 2 cores
    python -m experiments.ray_speed --sizes   4 environments a shard, networks of 5 KB to 5 MB: 8 minutes

With one shard the server has a core of its own; with two it shares those of the learners. Every run is in a process of
its own, alternating; the first chunk is not timed. A push is one shard's gradient. Needs ``pip install -e ".[ray]"``.
"""

import argparse
import json
import os
import statistics
from typing import Any

from experiments.common import alone, prepare, ratio, save, timed_chunk
from jaxac.config.compose import make_config

RUNTIMES = ("threads", "ray")
WIDTHS = (31, 107, 350, 1115)
"""Of two layers, for parameters of 5 KB, 50 KB, 500 KB and 5 MB."""


def measure(runtime: str, num_envs: int, shards: int, updates: int, width: int | None) -> dict[str, float]:
    """Pushes and environment steps a second of one runtime.

    Args:
        width: of a network of two layers; None for the default network.

    Returns:
        Also the bytes of the parameters, and of a push: parameters and environments to a learner, gradient and
        environments back.
    """
    from jaxac import spec
    from jaxac.algos.realtime import calls, cluster
    from jaxac.programs import program
    from jaxac.storage import events

    total = 2 * updates * num_envs * 16
    overrides = (f"env.num_envs={num_envs}", f"algo.num_shards={shards}", f"algo.runtime={runtime}")
    layers = (f"network.hidden_sizes=[{width},{width}]",) if width else ()
    config = make_config("+algo=a3c", *overrides, *layers, f"total_env_steps={total}")
    with cluster.joined([config.algo]):
        prepare(by_threads=True, xla_threads=events.xla_threads(config.algo))
        numbers = spec.make(config)
        built = program.compile_program(config, numbers)
        state, _ = built.chunk(numbers, built.init(numbers, program.keys(0)[0]), updates // 2)
        state, seconds = timed_chunk(built, numbers, state, updates)
        built.close()
        params, actor = (_bytes(tree) for tree in calls.of_a_shard(state))
    pushes = updates * shards / seconds
    return {
        "pushes": pushes,
        "sps": updates * config.steps_per_update / seconds,
        "params_bytes": params,
        "push_bytes": 2 * (params + actor),
        "bytes": 2 * (params + actor) * pushes,
    }


def _bytes(shapes: Any) -> int:
    import jax

    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(shapes))


def sizes(updates: int, runs: int) -> list[dict[str, Any]]:
    """Medians of both runtimes for networks of growing width, with two shards of four environments."""
    found = []
    for width in WIDTHS:
        given = ["--num-envs=8", "--shards=2", f"--updates={updates}", f"--width={width}"]
        for runtime in RUNTIMES:
            each = [alone("ray_speed", f"--worker={runtime}", *given) for _ in range(runs)]
            middle = {name: statistics.median(one[name] for one in each) for name in each[0]}
            found.append(
                {"runtime": runtime, "width": width, **middle, "pushes_of_each": [one["pushes"] for one in each]}
            )
            print(
                f"{middle['params_bytes']:10,.0f} bytes of parameters, {runtime:8} {middle['pushes']:7,.1f} pushes a "
                f"second, {middle['bytes'] / 1e6:7.2f} MB a second",
                flush=True,
            )
    return found


def compare(num_envs: int, shards: int, updates: int, pairs: int) -> dict[str, Any]:
    """Runs of both runtimes in turn, and the ratio pair by pair."""
    found: dict[str, list[dict[str, float]]] = {runtime: [] for runtime in RUNTIMES}
    given = [f"--num-envs={num_envs}", f"--shards={shards}", f"--updates={updates}"]
    for pair in range(pairs):
        for runtime in RUNTIMES if pair % 2 else reversed(RUNTIMES):
            found[runtime].append(alone("ray_speed", f"--worker={runtime}", *given))
    over = ratio(*([each["sps"] for each in found[runtime]] for runtime in reversed(RUNTIMES)))
    print(f"{shards} of {num_envs // shards} environments")
    for runtime, rows in found.items():
        pushes, sps = (statistics.median(row[name] for row in rows) for name in ("pushes", "sps"))
        print(f"  {runtime:8} {pushes:7,.1f} pushes a second, {sps:12,.0f} steps a second")
    print(f"  ray over threads {over['ratio']:.2f}, {over['lowest']:.2f} … {over['highest']:.2f}", flush=True)
    return {"num_envs": num_envs, "shards": shards, "ray_over_threads": over, **found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--num-envs", type=int, nargs="+", default=[2048, 4096], help="of two shards; one has half")
    parser.add_argument("--shards", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--updates", type=int, default=150, help="of a chunk that is timed")
    parser.add_argument("--pairs", type=int, default=4)
    parser.add_argument("--sizes", action="store_true", help="networks of growing width instead")
    parser.add_argument("--worker", choices=RUNTIMES, help=argparse.SUPPRESS)
    parser.add_argument("--width", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        print(json.dumps(measure(args.worker, args.num_envs[0], args.shards, args.updates, args.width)))
        return
    if args.sizes:
        load = os.getloadavg()
        print(f"written to {save('ray_sizes', {'load': load, 'cases': sizes(args.updates, args.pairs)})}")
        return
    result = [
        compare(num_envs * shards // 2, shards, args.updates, args.pairs)
        for num_envs in args.num_envs
        for shards in (1, 2)
    ]
    print(f"written to {save('ray_speed', {'load': os.getloadavg(), 'cases': result})}")


if __name__ == "__main__":
    main()
