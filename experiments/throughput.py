"""The speed of training: environment steps per second over sizes, networks and algorithms, stage by stage, and peers.

    python -m experiments.throughput                                     about 6 minutes on 2 cores
    python -m experiments.throughput --peers --peers-python PYTHON       and against PureJaxRL, rejax, SB3

Training only: compilation is timed apart, nothing is evaluated or written; medians and ranges of repeats. ``share`` is
the matrix work of a step (four forward passes' worth: two forward, two backward) as a share of what the machine does in
plain products of [4096, 64] and [64, 64] matrices. Peers run in processes of their own, alternating with ours on the
same setting, and ratios are taken pair by pair. ``experiments/README.md`` says how to install them.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from experiments.common import alone, prepare, ratio, save, timed_chunk
from jaxac.config.compose import make_config

NETWORKS = {"separate": "separate 64-64 tanh", "shared": "shared 128 relu"}
SIZES = [(64, 16), (512, 16), (4096, 5), (4096, 16), (4096, 32), (16384, 16)]
REPEATS = 5
SECONDS = 0.5
"""Of a repeat, about."""


def overrides(algo: str, network: str, num_envs: int, unroll: int) -> tuple[str, ...]:
    """The command line of a setting."""
    shards = ("algo.num_shards=16",) if algo == "a3c" else ()
    return (f"+algo={algo}", f"network={network}", f"env.num_envs={num_envs}", f"algo.unroll_length={unroll}", *shards)


def train(setting: tuple[str, ...], repeats: int = REPEATS) -> dict[str, Any]:
    """Environment steps per second of each repeat, and what that takes.

    Returns:
        ``sps`` of every repeat; ``compile_seconds``; ``call_seconds``, what a call costs on top of its updates;
        ``memory_bytes`` of a device; ``flops_per_step``; ``digest`` of the parameters after two updates.
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
    rates, calls = [], []
    for _ in range(repeats):
        state, call = timed_chunk(compiled, numbers, state, 1)
        state, seconds = timed_chunk(compiled, numbers, state, updates)
        rates.append(config.steps_per_update * updates / seconds)
        calls.append(call - seconds / updates)
    weights = sum(leaf.size for leaf in jax.tree.leaves(state.server.params.network) if leaf.ndim == 2)
    return {
        "sps": rates,
        "compile_seconds": compiled.compile_seconds,
        "flops_per_step": 8 * weights,
        "call_seconds": statistics.median(calls),
        "memory_bytes": compiled.memory_bytes,
        "digest": digest,
    }


def matmul_rate(rows: int = 4096) -> float:
    """Floating point operations per second of [rows, 64] · [64, 64] products on all devices at once."""
    import jax
    import jax.numpy as jnp

    from jaxac.devices import placement

    devices, many = jax.local_device_count(), 200
    x, w = jnp.ones((devices, rows, 64)), jnp.eye(64)

    def chain(x: Any) -> Any:
        return jax.lax.fori_loop(0, many, lambda _, y: y @ w, x)

    spread = jax.jit(placement.over(devices, devices).map(chain, (0,)))
    return many * devices * 2 * rows * 64 * 64 / median_seconds(lambda: jax.block_until_ready(spread(x)))


def stages(network: str, num_envs: int = 64, unroll: int = 16) -> dict[str, float]:
    """Nanoseconds of one device per environment step, of each stage by itself on a block of environments."""
    import jax

    from jaxac import envs
    from jaxac import spec as spec_module
    from jaxac.agent import actor_critic, returns, rollout
    from jaxac.algos import optimizers, server, shard
    from jaxac.devices import threefry

    spec = spec_module.make(make_config(*overrides("a2c", network, num_envs, unroll)))
    env, agent = actor_critic.build(spec)
    actor = jax.jit(lambda key: shard.init(spec, key, num_envs))(jax.random.key(0))
    params = jax.jit(agent.init)(jax.random.key(1))
    owner = server.init(spec, params)
    _, transitions, _ = jax.jit(lambda: rollout.unroll(spec, env, agent, params, actor))()
    gradient, _, _ = jax.jit(lambda: shard.block_gradient(spec, params, actor))()
    env_params = env.params(spec.env.params)

    def act(observations: Any) -> Any:
        return jax.lax.map(lambda each: agent.step(params, each, ())[0], observations)

    def draw(scale: Any) -> Any:
        _, draws = rollout.draw(spec, env, agent.distribution, actor)
        return draws.noise * scale, draws.start

    def step(state: Any) -> Any:
        def body(state: Any, key: Any) -> Any:
            stepped, timestep = env.step(key, state, transitions.action[0], env_params)
            done = timestep.terminated | timestep.truncated
            return envs.restart(env, done, state, stepped, env_params), None

        return jax.lax.scan(body, state, jax.random.split(threefry.key(2), unroll))[0]

    def targets(t: Any) -> Any:
        return returns.lambda_returns(t.reward, t.discount, t.done, t.reward, t.reward, 0.95)

    def differentiate(weights: Any) -> Any:
        return jax.grad(agent.loss, has_aux=True)(weights, params.moments, transitions, actor.observation)[0]

    def optimize(owner: Any) -> Any:
        one = jax.tree.map(lambda x: x[None], gradient)
        return server.step(spec, owner, one, optimizers.learning_rate(spec, owner.arrivals))[0]

    calls: dict[str, tuple[Callable[[Any], Any], Any]] = {
        "draw": (draw, jax.numpy.ones(())),
        "act": (act, transitions.observation),
        "environment": (step, actor.env_state),
        "returns": (targets, transitions),
        "gradient": (differentiate, params.network),
        "optimizer": (optimize, owner),
        "all but the optimizer": (lambda actor: shard.block_gradient(spec, params, actor), actor),
    }
    steps = num_envs * unroll
    return {name: 1e9 * _repeated(function, argument) / steps for name, (function, argument) in calls.items()}


def _repeated(function: Callable[[Any], Any], argument: Any) -> float:
    """Median seconds of a call, dispatch taken out by calling it often in one program."""
    import jax
    import jax.numpy as jnp

    many = 50
    # With the batch axis of one that training has: XLA has faster matrix products for those.
    function, argument = jax.vmap(function), jax.tree.map(lambda x: x[None], argument)

    def is_float(x: Any) -> bool:
        return jnp.issubdtype(x.dtype, jnp.floating)

    def loop(argument: Any) -> Any:
        def body(_: Any, carry: Any) -> Any:
            # What is put in depends on what came out, so that no call can be left out.
            argument, seen = carry
            seen = seen + 1e-30 * sum(jnp.sum(x) for x in jax.tree.leaves(function(argument)) if is_float(x))
            return jax.tree.map(lambda x: x + (0 * seen).astype(x.dtype) if is_float(x) else x, argument), seen

        return jax.lax.fori_loop(0, many, body, (argument, jnp.zeros(())))[1]

    compiled = jax.jit(loop).lower(argument).compile()
    return median_seconds(lambda: jax.block_until_ready(compiled(argument))) / many


def median_seconds(call: Callable[[], Any], repeats: int = 7) -> float:
    """Of a call, after a first one."""
    call()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def against_peers(python: str, pairs: int) -> dict[str, Any]:
    """Medians and ratios at 4096 environments × 16 steps, process by process in turn."""
    results: dict[str, Any] = {}
    for peer, network in (
        ("purejaxrl", "separate"),
        ("purejaxrl", "shared"),
        ("rejax", "separate"),
        ("sb3", "separate"),
    ):
        found = []
        for _ in range(pairs):
            theirs = _peer(python, peer, network)
            if theirs is None:
                break
            ours = statistics.median(alone("throughput", "--one", network))
            found.append({"ours": ours, "theirs": statistics.median(theirs["sps"])})
            print(f"{peer}, {NETWORKS[network]}: {found[-1]['theirs']:,.0f} SPS; jaxac {ours:,.0f}", flush=True)
        if found:
            faster = ratio(*([pair[side] for pair in found] for side in ("ours", "theirs")))
            versions = theirs["versions"] if theirs else {}
            results[f"{peer}, {NETWORKS[network]}"] = {"pairs": found, **faster, "versions": versions}
            low, high = faster["lowest"], faster["highest"]
            print(f"  jaxac is {faster['ratio']:.2f} times as fast ({low:.2f} to {high:.2f})", flush=True)
    return results


def _peer(python: str, peer: str, network: str) -> dict[str, Any] | None:
    """The line that a peer printed, read; None if it is not installed or cannot do it."""
    script = str(Path(__file__).with_name("peers.py"))
    done = subprocess.run([python, script, peer, f"--network={network}"], capture_output=True, text=True)
    if done.returncode:
        print(f"{peer} cannot be measured: {done.stderr.strip().splitlines()[-1]}", flush=True)
        return None
    return json.loads(done.stdout.splitlines()[-1])


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", action="store_true", help="only against peers")
    parser.add_argument("--peers-python", default=sys.executable, help="of the environment they are installed in")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--one", choices=NETWORKS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.peers:
        print(f"written to {save('throughput_peers', {'results': against_peers(args.peers_python, args.pairs)})}")
        return
    prepare()
    if args.one:
        print(json.dumps(train(overrides("a2c", args.one, 4096, 16))["sps"]))
        return
    matmul = matmul_rate()
    print(f"matrix products: {matmul / 1e9:.0f} GFLOP/s")
    rows = {}
    for algo, network, sizes in (("a2c", "shared", SIZES), ("a2c", "separate", SIZES), ("a3c", "shared", [(4096, 16)])):
        for num_envs, unroll in sizes:
            name = f"{algo.upper()}, {NETWORKS[network]}, {num_envs} × {unroll}"
            rows[name] = train(overrides(algo, network, num_envs, unroll))
            print(f"{name}: {statistics.median(rows[name]['sps']):,.0f} SPS", flush=True)
    table(rows, matmul)
    parts = {NETWORKS[network]: stages(network) for network in NETWORKS}
    for network, found in parts.items():
        print(network, "ns a step on one core:", {stage: round(value) for stage, value in found.items()})
    path = save("throughput", {"matmul_flops": matmul, "rows": rows, "stages_ns_per_step": parts})
    plot(rows, path.with_suffix(".png"))
    print(f"written to {path}")


if __name__ == "__main__":
    main()
