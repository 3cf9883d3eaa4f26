"""Are convolutions as one product worth their lines on a CPU? Training with them and with XLA's own, pair by pair.

    python -m experiments.convolution               about 4 minutes on 2 cores

A2C on MinAtar's Breakout with MinAtar's network, and flat dense layers of 128 units beside it. All programs lie in one
process and take turns. A ratio is the speed of the product over that of XLA's convolution, of two chunks next to each
other; on other devices than CPUs there is no product.
"""

import argparse
import statistics
from collections.abc import Callable
from typing import Any

from experiments.common import in_turn, prepare, save, training
from jaxac.config.compose import make_config
from jaxac.config.schema import Config

NETWORKS = {
    "product": ("network=conv",),
    "flat": ("network=shared",),
    "xla": ("network=conv",),  # the last, since no program may be traced again while it is patched
}


def config(num_envs: int, network: str) -> Config:
    """A run of A2C on Breakout with one of ``NETWORKS``."""
    return make_config("+algo=a2c", "env.name=Breakout", f"env.num_envs={num_envs}", *NETWORKS[network])


def compare(num_envs: int, pairs: int, seconds: float) -> dict[str, Any]:
    """Environment steps a second of every network, chunk by chunk, and the median and the quartiles of the ratio."""
    import jax

    from jaxac import spec
    from jaxac.agent import convolution

    def program(name: str) -> Callable[[int], float]:
        return training(spec.make(config(num_envs, name)), jax.random.key(0))

    runs = {name: program(name) for name in NETWORKS if name != "xla"}
    jax.clear_caches()  # of traces with the product
    before, convolution.convolve = convolution.convolve, convolution.by_xla
    try:
        runs["xla"] = program("xla")
    finally:
        convolution.convolve = before
    for train in runs.values():  # the others are compiled again
        for _ in range(3):
            train(2)
    per_update = config(num_envs, "xla").steps_per_update
    updates = {name: max(2, round(2 * seconds / train(2))) for name, train in runs.items()}
    sps = in_turn(runs, updates, per_update, pairs)
    ratios = [ours / xla for ours, xla in zip(sps["product"], sps["xla"], strict=True)]
    low, median, high = statistics.quantiles(ratios) if len(ratios) > 1 else ratios * 3
    return {"sps": sps, "ratio": median, "quartiles": [low, high]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=0.5, help="of a chunk, about")
    args = parser.parse_args()
    prepare()
    found = {}
    print("| environments | product | flat 128 | XLA's | product / XLA's |\n|---|---|---|---|---|")
    for num_envs in (64, 1024):
        row = found[str(num_envs)] = compare(num_envs, args.pairs, args.seconds)
        speeds = " | ".join(f"{statistics.median(row['sps'][name]):,.0f}" for name in NETWORKS)
        low, high = row["quartiles"]
        print(f"| {num_envs} | {speeds} | {row['ratio']:.2f} ({low:.2f} to {high:.2f}) |", flush=True)
    print(f"written to {save('convolution', {'environments': found})}")


if __name__ == "__main__":
    main()
