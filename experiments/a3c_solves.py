"""Tests whether A3C's default settings solve CartPole and stay solved: 16 shards × 256 environments, in either runtime.

    python -m experiments.a3c_solves              10 seeds each: about 15 minutes on 2 cores

*Solved* and *stays solved* are as in ``experiments.ablation``. Runs with threads are not reproducible, so their seeds
are draws, not names.
"""

import argparse
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from experiments.ablation import EVALUATIONS, print_row, summarize
from experiments.common import learn, prepare, save
from jaxac.config.compose import make_config

RUNTIMES = ("compiled", "threads")


def run_seed(runtime: str, seed: int) -> dict[str, Any]:
    """One training run."""
    prepare(by_threads=runtime == "threads")
    overrides = ("+algo=a3c", "env.num_envs=4096", "algo.num_shards=16", f"algo.runtime={runtime}", f"seed={seed}")
    total = make_config(*overrides).total_env_steps or 0
    return learn(make_config(*overrides, f"evaluation.every={-(-total // EVALUATIONS)}"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    args = parser.parse_args()
    table = {}
    print("| | solved | stays solved | final mean | final worst | steps to first solve |\n|---|---|---|---|---|---|")
    for runtime in RUNTIMES:
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:  # cores are given to processes
            runs = [pool.submit(run_seed, runtime, seed).result() for seed in range(args.seeds)]
        table[f"A3C, {runtime}"] = {**summarize(runs), "runs": runs}
        print_row(f"A3C, {runtime}", table[f"A3C, {runtime}"])
    print(f"written to {save('a3c_solves', {'arms': table})}")


if __name__ == "__main__":
    main()
