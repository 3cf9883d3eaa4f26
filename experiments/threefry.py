"""Is Threefry with its rounds written out worth its file? Training with it and with JAX's own, pair by pair.

    python -m experiments.threefry                  about 3 minutes on 2 cores

A2C with unrolls of 16 steps, at 64 and 4096 environments, on both networks. Both programs lie in one process and take
turns, so whatever else the machine does meets both alike. They draw the same bits, and so train the same. A ratio is
the speed with JAX's own over the speed with ours, of two chunks of a quarter of a second next to each other.
"""

import argparse
import functools
import statistics
import time
from collections.abc import Callable
from typing import Any

from experiments.common import prepare, save
from experiments.throughput import NETWORKS, overrides

SIZES = (64, 4096)
SECONDS = 0.25
"""Of a chunk, about."""


def training(numbers: Any, key: Any) -> Callable[[int], float]:
    """A run that draws from ``key``, by that key's generator: called, it trains on, and tells the seconds that took."""
    import jax

    from jaxac.algos import ALGOS
    from jaxac.programs.chunk import run_chunk

    chunk = jax.jit(functools.partial(run_chunk, ALGOS["a2c"]), donate_argnums=1)
    state = jax.jit(ALGOS["a2c"].init)(numbers, key)

    def train(updates: int) -> float:
        nonlocal state
        start = time.perf_counter()
        state, report = chunk(numbers, state, updates)
        jax.block_until_ready(report)
        return time.perf_counter() - start

    for _ in range(3):  # the first two compile
        train(2)
    return train


def compare(network: str, num_envs: int, pairs: int) -> dict[str, Any]:
    """Environment steps a second with both, chunk by chunk, and the median and the quartiles of their ratios."""
    import jax

    from jaxac import spec
    from jaxac.config.compose import make_config
    from jaxac.devices import threefry

    numbers = spec.make(make_config(*overrides("a2c", network, num_envs, 16)))
    runs = {"ours": training(numbers, threefry.key(0)), "jax": training(numbers, jax.random.key(0))}
    updates = max(2, round(2 * SECONDS / min(train(2) for train in runs.values())))
    sps: dict[str, list[int]] = {name: [] for name in runs}
    for pair in range(pairs):
        for name in sorted(runs, reverse=pair % 2 == 0):
            sps[name].append(round(numbers.steps_per_update * updates / runs[name](updates)))
    low, median, high = statistics.quantiles([jax / ours for jax, ours in zip(sps["jax"], sps["ours"], strict=True)])
    return {"sps": sps, "ratio": median, "quartiles": [low, high]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=40)
    args = parser.parse_args()
    prepare()
    results: dict[str, dict[str, Any]] = {}
    for num_envs in SIZES:
        for network, title in NETWORKS.items():
            found = results[f"{title}, {num_envs} × 16"] = compare(network, num_envs, args.pairs)
            low, high = found["quartiles"]
            print(f"{title}, {num_envs} × 16: JAX's is × {found['ratio']:.3f} ({low:.3f} – {high:.3f})", flush=True)
    print(f"written to {save('threefry', {'results': results})}")


if __name__ == "__main__":
    main()
