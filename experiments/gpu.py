"""Everything that is to be known on a GPU, in one call: is it right, how fast is it, how far is that from the roofline.

    python -m experiments.gpu                  about 9 minutes; what is done is written after each part
    python -m experiments.gpu --quick          the same on small sizes, also on a CPU, where kernels are interpreted

``checks`` compares the fused kernels with XLA's path on the same random bits: the share of equal actions in one unroll,
the error of the gradient. ``speed`` trains A2C, both kernels, over numbers of environments (separate 64-64 tanh,
16 steps), and A3C; ``tiles`` tries other tiles and warps; ``roofline`` measures the device's matrix products, on
64-wide layers and at best, and its memory; ``profile`` adds up the device's time by kernel for an update; ``learning``
runs the default to its end with both; ``sweep`` runs 64 jobs as lanes and one by one (:mod:`experiments.sweep_speed`).
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from experiments.common import RESULTS, learn, load, prepare, save
from experiments.throughput import overrides, train
from experiments.throughput_stages import matmul_rate, median_seconds
from jaxac.config.compose import make_config


class Sizes(NamedTuple):
    """The sizes and the lengths of the measurements."""

    num_envs: tuple[int, ...]
    checked: int
    tried: int
    env_steps: int
    copied: int
    jobs: int
    repeats: int


FULL = Sizes((1024, 4096, 16384, 65536, 262144, 1048576), 4096, 65536, 26_214_400, 2**28, 64, 5)
QUICK = Sizes((64, 128), 64, 64, 20_480, 2**20, 4, 2)


def setting(kernel: str, num_envs: int, *more: str) -> tuple[str, ...]:
    """A2C on the small network that other libraries are timed with."""
    return (*overrides("a2c", "separate", num_envs, 16), f"algo.kernel={kernel}", *more)


def one(value: Any) -> dict[str, float]:
    """A number, as a result."""
    return {"value": float(value)}


def checks(sizes: Sizes) -> Iterator[tuple[str, dict[str, Any]]]:
    """Both paths from the same parameters, environments and keys; matrix products as they are, and exact."""
    import jax
    import jax.numpy as jnp
    from jax.flatten_util import ravel_pytree

    from jaxac import spec as spec_module
    from jaxac.agent import actor_critic
    from jaxac.algos import shard
    from jaxac.devices import threefry

    for precision in ("default", "highest"):
        with jax.default_matmul_precision(precision):
            specs = [spec_module.make(make_config(*setting(kernel, sizes.checked))) for kernel in ("xla", "fused")]
            _, agent = actor_critic.build(specs[0])
            params = jax.jit(agent.init)(threefry.key(0))
            actor = jax.jit(lambda key: shard.init(specs[0], key, sizes.checked))(threefry.key(1))  # noqa: B023
            xla, fused = (shard.kernels(spec) for spec in specs)
            (after, taken, _), (_, own, _) = (jax.jit(each.unroll)(params, actor) for each in (xla, fused))
            exact, found = (
                ravel_pytree(jax.jit(each.differentiate)(*params, taken, after.observation)[0])[0]
                for each in (xla, fused)
            )
        yield f"equal actions, {precision}", one(jnp.mean(taken.action == own.action))
        yield f"gradient's relative error, {precision}", one(jnp.linalg.norm(found - exact) / jnp.linalg.norm(exact))


def speed(sizes: Sizes) -> Iterator[tuple[str, dict[str, Any]]]:
    """Environment steps per second."""
    for kernel in ("xla", "fused"):
        for num_envs in sizes.num_envs:
            yield f"{kernel}, {num_envs}", train(setting(kernel, num_envs), sizes.repeats)
        a3c = (*overrides("a3c", "separate", sizes.num_envs[1], 16), "algo.num_shards=4", f"algo.kernel={kernel}")
        yield f"{kernel}, A3C of 4 shards, {sizes.num_envs[1]}", train(a3c, sizes.repeats)


def tiles(sizes: Sizes) -> Iterator[tuple[str, dict[str, Any]]]:
    """The fused kernels cut otherwise."""
    from jaxac import programs
    from jaxac.agent.fused import grid

    for tile in (16, 32, 64):
        for warps in (2, 4, 8):
            grid.TILE, grid.WARPS = tile, warps
            programs.forget()
            yield f"{tile} environments, {warps} warps", train(setting("fused", sizes.tried), sizes.repeats)


def roofline(sizes: Sizes) -> Iterator[tuple[str, dict[str, Any]]]:
    """What the device can do at most, and so how many steps a second."""
    import jax
    import jax.numpy as jnp

    from jaxac import spec
    from jaxac.agent import actor_critic

    x = jnp.ones(sizes.copied)
    add = jax.jit(lambda x: x + 1)
    bandwidth = 2 * x.nbytes / median_seconds(lambda: jax.block_until_ready(add(x)))
    y = jnp.ones((2048 if sizes is QUICK else 8192,) * 2)
    product = jax.jit(lambda y: y @ y)
    best = 2 * len(y) ** 3 / median_seconds(lambda: jax.block_until_ready(product(y)))
    narrow = matmul_rate(sizes.tried)
    env, agent = actor_critic.build(spec.make(make_config(*setting("fused", sizes.tried))))
    torso = env.observation_size * 64 + 64 * 64
    # An actor's pass to act; a pass, and a backward pass of twice the work, of both networks to learn.
    flops = 2 * (torso + 64 * agent.distribution.size) + 6 * (2 * torso + 64 * (agent.distribution.size + 1))
    # Per step: draws, transitions, advantage and value, each written once and read once.
    moved = 2 * 4 * ((1 + env.observation_size + 1) + (2 * env.observation_size + 4) + 2)
    yield "bytes per second", one(bandwidth)
    yield "flops per second, large products", one(best)
    yield "flops per second, 64 wide", one(narrow)
    yield "flops per step", one(flops)
    yield "bytes per step", one(moved)
    for name, rate in (("large products", best), ("64 wide", narrow)):
        yield f"steps per second at most, {name}", one(min(rate / flops, bandwidth / moved))


def profile(sizes: Sizes) -> Iterator[tuple[str, dict[str, Any]]]:
    """Microseconds of an update by kernel, the ten longest, and how many kernels there are."""
    import jax

    from jaxac import spec
    from jaxac.programs import program

    for kernel in ("xla", "fused"):
        config = make_config(*setting(kernel, sizes.num_envs[1]))
        numbers = spec.make(config)
        compiled = program.compile_program(config, numbers)
        state, _ = compiled.chunk(numbers, compiled.init(numbers, program.keys(0)[0]), 2)
        updates = 10
        with tempfile.TemporaryDirectory() as directory:
            with jax.profiler.trace(directory):
                jax.block_until_ready(compiled.chunk(numbers, state, updates))
            yield kernel, {"value": _by_kernel(next(Path(directory).rglob("*.xplane.pb")), updates)}


def _by_kernel(trace: Path, updates: int) -> dict[str, Any]:
    from jax.profiler import ProfileData

    spent: dict[str, float] = {}
    launches = 0
    for plane in ProfileData.from_file(str(trace)).planes:
        if not plane.name.startswith("/device:GPU"):
            continue
        for line in plane.lines:
            if not line.name.startswith("Stream"):
                continue
            for event in line.events:
                launches += 1
                spent[event.name] = spent.get(event.name, 0.0) + event.duration_ns / 1e3 / updates
    longest = sorted(spent.items(), key=lambda item: -item[1])[:10]
    return {"kernels": launches / updates, "microseconds": sum(spent.values()), "longest": dict(longest)}


def learning(sizes: Sizes) -> Iterator[tuple[str, dict[str, Any]]]:
    """Mean returns along the default run."""
    for kernel in ("xla", "fused"):
        steps = (f"env.num_envs={sizes.num_envs[1]}", f"total_env_steps={sizes.env_steps}")
        yield kernel, {"value": learn(make_config("+algo=a2c", *steps, f"algo.kernel={kernel}"))}


def sweep(sizes: Sizes) -> Iterator[tuple[str, dict[str, Any]]]:
    """Seconds of whole multiruns."""
    command = [sys.executable, "-m", "experiments.sweep_speed", f"--jobs={sizes.jobs}", "--arms", "basic", "vmap"]
    steps = ["--env-steps", "1000" if sizes is QUICK else "50000"]
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run([*command, *steps, f"--out={directory}"], check=True)
        yield "whole commands", {"value": json.loads((Path(directory) / "sweep_speed.json").read_text())["results"]}


Part = Callable[[Sizes], Iterator[tuple[str, dict[str, Any]]]]
PARTS: dict[str, Part] = {part.__name__: part for part in (checks, roofline, speed, tiles, profile, learning, sweep)}


def plot(rows: dict[str, Any], limit: float | None, path: Path) -> None:
    """Steps per second against environments, both kernels."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained", dpi=120)
    axes = figure.add_subplot()
    for kernel in ("xla", "fused"):
        found = [(name.split(", "), row) for name, row in rows.items() if name.startswith(kernel) and "sps" in row]
        points = [(int(words[1]), statistics.median(row["sps"])) for words, row in found if len(words) == 2]
        axes.plot(*zip(*points, strict=True), marker="o", label=kernel)
    if limit:
        axes.axhline(limit, color="gray", linestyle="--", label="roofline, 64 wide")
    axes.set(xscale="log", yscale="log", xlabel="environments", ylabel="environment steps per second of training")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path)


def measure(part: str, sizes: Sizes, directory: Path) -> None:
    """Adds a part to the results."""
    name = "gpu_quick" if sizes is QUICK else "gpu"
    found: dict[str, Any] = {}
    try:
        for key, value in PARTS[part](sizes):
            found[key] = value
            print(f"  {key}: {_shown(value)}", flush=True)
    except Exception:  # what came before it and the other parts are worth having
        found["failed"] = traceback.format_exc()
        print(found["failed"], flush=True)
    results = {**load(name, directory).get("results", {}), part: found}
    path = save(name, {"results": results}, f"python -m experiments.gpu{' --quick' * (sizes is QUICK)}", directory)
    limit = results.get("roofline", {}).get("steps per second at most, 64 wide")
    if "speed" in results:
        plot(results["speed"], limit and limit["value"], path.with_suffix(".png"))


def _shown(result: dict[str, Any]) -> str:
    if "sps" in result:
        return f"{statistics.median(result['sps']):,.0f} SPS"
    return f"{result['value']:.4g}" if isinstance(result["value"], float) else "saved"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="*", choices=PARTS, default=list(PARTS))
    parser.add_argument("--out", type=Path, default=RESULTS, help="a directory")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.part:
        prepare()
        measure(args.part, QUICK if args.quick else FULL, args.out)
        return
    for part in args.only:  # each in a process of its own, since one takes the device's memory for itself
        print(f"\n{part}", flush=True)
        command = [sys.executable, "-m", "experiments.gpu", f"--part={part}", f"--out={args.out}"]
        subprocess.run([*command, *(["--quick"] if args.quick else [])], check=True)
    print(f"written to {args.out}")


if __name__ == "__main__":
    main()
