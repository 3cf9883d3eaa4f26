"""Ablation of what makes A2C solve CartPole and stay solved: the default settings with one factor changed at a time.

    python -m experiments.ablation                     4096 environments, 10 seeds an arm: about 40 minutes on 2 cores
    python -m experiments.ablation --num-envs 512      about 6 minutes

A seed is *solved* if its last evaluation (256 episodes, sampled actions) is at least 475, and *stays solved* if after
its first such evaluation none falls more than 10% below (under 427.5): no collapse, in a report's words. Every arm runs
the default's number of updates, on the same seeds.
"""

import argparse
import multiprocessing
import os
import statistics
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from jaxac.report.statistics import collapses

ARMS = {
    "default": [],
    "Adam β₁ = 0.9, its usual value": ["optimizer.momentum=0.9"],
    "Adam β₁ = 0": ["optimizer.momentum=0"],
    "RMSProp": ["optimizer=rmsprop"],
    "RMSProp as Baselines (7e-4, ε 1e-5)": [
        "optimizer=rmsprop",
        "optimizer.learning_rate=7e-4",
        "optimizer.epsilon=1e-5",
    ],
    "constant learning rate": ["optimizer.schedule=constant"],
    "observations as they are": ["algo.normalize_observations=false"],
    "rewards as they are": ["env.reward_scale=1"],
    "advantages normalized": ["algo.normalize_advantage=true"],
    "entropy bonus (Baselines' 0.01, scaled)": ["algo.entropy_coef=1e-4"],
    "λ = 1 (n-step returns)": ["algo.returns=n_step"],
    "unrolls of 5 steps, same data": ["algo.unroll_length=5"],
    "all episodes start together": ["env.stagger_starts=false"],
    "separate 64-64 tanh networks": ["network=separate"],
}
SOLVED = 475.0
EVALUATIONS = 20  # of each run


def run_seed(job: tuple[int, list[str], int]) -> dict[str, Any]:
    """One training run, in a process of its own core."""
    from experiments.common import learn, prepare
    from jaxac.config.compose import make_config

    num_envs, overrides, seed = job
    prepare()
    default = ["+algo=a2c", f"env.num_envs={num_envs}", f"seed={seed}"]
    total = make_config(*default).total_env_steps or 0
    length = [f"total_env_steps={total}", f"evaluation.every={-(-total // EVALUATIONS)}"]
    return learn(make_config(*default, *length, *overrides))


def summarize(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """An arm's row of the table."""
    finals = [run["returns"][-1] for run in runs]
    firsts = [next((i for i, value in enumerate(run["returns"]) if value >= SOLVED), None) for run in runs]
    reached = [run["returns"] for run, first in zip(runs, firsts, strict=True) if first is not None]
    to_solve = [run["env_steps"][first] for run, first in zip(runs, firsts, strict=True) if first is not None]
    return {
        "seeds": len(runs),
        "solved": sum(final >= SOLVED for final in finals),
        "stays_solved": sum(not collapses(returns, SOLVED) for returns in reached),
        "final_mean": statistics.mean(finals),
        "final_min": min(finals),
        "median_env_steps_to_solve": statistics.median(to_solve) if to_solve else None,
        "median_train_seconds": statistics.median(run["train_seconds"] for run in runs),
    }


def print_row(name: str, row: dict[str, Any]) -> None:
    """A row of a Markdown table."""
    steps = row["median_env_steps_to_solve"]
    print(
        f"| {name} | {row['solved']}/{row['seeds']} | {row['stays_solved']}/{row['seeds']} | {row['final_mean']:.0f} | "
        f"{row['final_min']:.0f} | {'never' if steps is None else f'{steps / 1e6:.2f} M'} |",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--num-envs", type=int, default=4096)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--only", nargs="+", choices=ARMS, default=ARMS, help="the others keep their results")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes, each on one core")
    args = parser.parse_args()
    # One thread a process: two runs side by side finish sooner than one after the other on two threads.
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    os.environ["NPROC"] = "1"
    from experiments.common import load, save

    name = f"ablation_{args.num_envs}"
    before = load(name).get("arms", {})
    table = {}
    print("| | solved | stays solved | final mean | final worst | steps to first solve |\n|---|---|---|---|---|---|")
    with ProcessPoolExecutor(args.jobs, multiprocessing.get_context("spawn")) as pool:
        for arm, overrides in ARMS.items():
            if arm in args.only:
                runs = list(pool.map(run_seed, [(args.num_envs, overrides, seed) for seed in range(args.seeds)]))
                table[arm] = {"overrides": overrides, **summarize(runs), "runs": runs}
            elif arm in before:
                table[arm] = before[arm]
            if arm in table:
                print_row(arm, table[arm])
                save(name, {"num_envs": args.num_envs, "arms": before | table})
    print(f"written to {save(name, {'num_envs': args.num_envs, 'arms': table})}")


if __name__ == "__main__":
    main()
