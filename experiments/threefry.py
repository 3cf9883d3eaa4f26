"""Is Threefry with its rounds written out worth its file? Training with it and with JAX's own, pair by pair.

    python -m experiments.threefry                  about 3 minutes on 2 cores

A2C with unrolls of 16 steps, at 64 and 4096 environments, on both networks. Both programs lie in one process and take
turns, so whatever else the machine does meets both alike. They draw the same bits, and so train the same. A ratio is
the speed with JAX's own over the speed with ours, of two chunks of a quarter of a second next to each other.
"""

import argparse
import statistics
from typing import Any

from experiments.common import in_turn, prepare, save, training
from experiments.throughput import NETWORKS, overrides

SIZES = (64, 4096)
SECONDS = 0.25
"""Of a chunk, about."""


def compare(network: str, num_envs: int, pairs: int) -> dict[str, Any]:
    """Environment steps a second with both, chunk by chunk, and the median and the quartiles of their ratios."""
    import jax

    from jaxac import spec
    from jaxac.config.compose import make_config
    from jaxac.devices import threefry

    numbers = spec.make(make_config(*overrides("a2c", network, num_envs, 16)))
    runs = {"ours": training(numbers, threefry.key(0)), "jax": training(numbers, jax.random.key(0))}
    updates = max(2, round(2 * SECONDS / min(train(2) for train in runs.values())))
    sps = in_turn(runs, dict.fromkeys(runs, updates), numbers.steps_per_update, pairs)
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
