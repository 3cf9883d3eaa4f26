"""Measures each lever on speed by itself: training with one of them pulled back, or another one tried.

    python -m experiments.levers                    about 8 minutes on 2 cores

A2C at 4096 environments × 16 steps, on both networks, every arm in processes of its own, in turn. A ratio is to the arm
``as it is`` of the same round.
"""

import argparse
import ctypes
import functools
import json
import os
import statistics
from collections.abc import Callable
from typing import Any

from experiments.common import alone, prepare, ratio, save
from experiments.throughput import NETWORKS, overrides, train


def rolled_threefry() -> None:
    """JAX's own generator, whose rounds are a loop on a CPU; the same bits."""
    import jax

    from jaxac.programs import program

    program.threefry.key = jax.random.key


def hardware_generator() -> None:
    """XLA's generator, other bits (``unsafe_rbg``)."""
    import jax

    from jaxac.programs import program

    program.threefry.key = functools.partial(jax.random.key, impl="unsafe_rbg")


def no_blocks() -> None:
    """All environments at once: one block, which devices cannot share."""
    from jaxac.algos import shard

    shard._BLOCK = 10**9


def xlas_default() -> None:
    """All environments at once, on one device that splits every operation over all cores."""
    os.environ["NPROC"] = str(len(os.sched_getaffinity(0)))
    no_blocks()


def blocks_at_once() -> None:
    """Blocks side by side under ``vmap``, rather than one after the other."""
    import jax

    from jaxac.devices import placement

    def at_once(
        function: Callable[..., Any], in_axes: tuple[int | None, ...], batch_size: int | None = 1
    ) -> Callable[..., Any]:
        del batch_size
        return jax.vmap(function, in_axes)

    placement._one_by_one = at_once


def no_batch_axis() -> None:
    """Blocks one after the other without a batch axis of one."""
    from jaxac.devices import placement

    placement._one_by_one = functools.partial(placement._one_by_one, batch_size=None)


def drawn_step_by_step() -> None:
    """Random numbers drawn within each step, rather than for all steps before the first."""
    import dataclasses

    import jax

    from jaxac.agent import rollout

    def unroll(spec: Any, env: Any, agent: Any, params: Any, actor: Any) -> Any:
        single = dataclasses.replace(spec, algo=dataclasses.replace(spec.algo, unroll_length=1))

        def step(actor: Any, _: None) -> Any:
            actor, draws = rollout.draw(single, env, agent.distribution, actor)
            return rollout.step(spec, env, agent, params, actor, jax.tree.map(lambda x: x[0], draws))

        actor, (transitions, episodes) = jax.lax.scan(step, actor, length=spec.algo.unroll_length)
        return actor, transitions, jax.tree.map(lambda x: x.sum(0), episodes)

    rollout.unroll = unroll


def xlas_transposes() -> None:
    """The weights' gradients with whichever factor transposed that XLA chooses."""
    from jax import lax

    from jaxac.agent import networks

    networks.make.__defaults__ = (lax.dot_general, lax.dot_general)


def freed_memory_kept() -> None:
    """The C library keeps freed memory in one arena, so that no page is zeroed twice (``mallopt``)."""
    mallopt = ctypes.CDLL(None).mallopt
    for option, value in ((-8, 1), (-4, 0), (-1, 2**31 - 1)):  # M_ARENA_MAX, M_MMAP_MAX, M_TRIM_THRESHOLD
        mallopt(option, value)


ARMS: dict[str, Callable[[], None]] = {
    "as it is": lambda: None,
    "XLA's default: one device, no blocks": xlas_default,
    "no blocks": no_blocks,
    "blocks at once (vmap)": blocks_at_once,
    "blocks without a batch axis": no_batch_axis,
    "random numbers drawn step by step": drawn_step_by_step,
    "XLA's own transposes in gradients": xlas_transposes,
    "JAX's rolled Threefry": rolled_threefry,
    "tried: XLA's generator (unsafe_rbg)": hardware_generator,
    "tried: freed memory kept": freed_memory_kept,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        arm, network = args.one
        ARMS[arm]()
        prepare()
        print(json.dumps(train(overrides("a2c", network, 4096, 16))["sps"]))
        return
    results: dict[str, dict[str, Any]] = {}
    for network in NETWORKS:
        found: dict[str, list[float]] = {arm: [] for arm in ARMS}
        for _ in range(args.rounds):
            for arm in ARMS:
                found[arm].append(statistics.median(alone("levers", "--one", arm, network)))
                print(f"{NETWORKS[network]}, {arm}: {found[arm][-1]:,.0f} SPS", flush=True)
        for arm, rates in found.items():
            results.setdefault(NETWORKS[network], {})[arm] = {"sps": rates, **ratio(rates, found["as it is"])}
    for network, arms in results.items():
        for arm, entry in arms.items():
            print(f"{network:22} {arm:38} {statistics.median(entry['sps']):12,.0f} SPS  × {entry['ratio']:.2f}")
    print(f"written to {save('levers', {'results': results})}")


if __name__ == "__main__":
    main()
