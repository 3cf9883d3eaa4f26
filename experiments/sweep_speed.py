"""Measures how much sooner a sweep is done when its jobs are lanes of one program: whole commands by the clock.

    python -m experiments.sweep_speed                  about 15 minutes on 2 cores
    python -m experiments.sweep_speed --jobs 8         a look, in 2 minutes

Every arm is the same multirun, from the shell's prompt and back, in alternating order: Hydra's basic launcher (one job
after the other in one process, which compiles once), ``hydra/launcher=vmap`` with lanes on cores, vmapped, and as it
chooses by itself, the last also without W&B. Start-up, composing of configurations and files are all in, and loading of
the compiled programs, which lie on disk. The jobs' final parameters are compared with the basic launcher's.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from experiments.common import save

SIZES = {
    "8 environments × 5 steps": ("env.num_envs=8", "algo.unroll_length=5"),
    "64 environments × 16 steps": ("env.num_envs=64",),
}
ARMS = {
    "basic": ("hydra/launcher=basic",),
    "cores": ("hydra/launcher=vmap", "hydra.launcher.how=cores"),
    "vmap": ("hydra/launcher=vmap", "hydra.launcher.how=vmap"),
    "auto": ("hydra/launcher=vmap",),
    "auto, no W&B": ("hydra/launcher=vmap", "logger.wandb.mode=disabled"),
}


def command(launcher: Sequence[str], size: str, jobs: int, env_steps: int, directory: Path) -> list[str]:
    """One multirun over seeds and learning rates."""
    seeds, rates = jobs // 4, "1e-4,3e-4,1e-3,3e-3"
    sweep = (f"seed=range(0,{seeds})", f"optimizer.learning_rate={rates}", f"total_env_steps={env_steps}")
    options = ("logger.console=false", f"hydra.sweep.dir={directory}")
    return [sys.executable, "-m", "jaxac.train", "-m", "+algo=a2c", *launcher, *SIZES[size], *sweep, *options]


def run(launcher: Sequence[str], size: str, jobs: int, env_steps: int) -> tuple[float, list[str]]:
    """Seconds of the whole command, and every job's ``params_digest``."""
    with tempfile.TemporaryDirectory() as name:
        start = time.perf_counter()
        subprocess.run(command(launcher, size, jobs, env_steps, Path(name)), check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - start
        summaries = [json.loads((Path(name) / str(job) / "summary.json").read_text()) for job in range(jobs)]
    return seconds, [summary["params_digest"] for summary in summaries]


def measure(
    size: str, jobs: int, env_steps: int, repeats: int, arms: Sequence[str]
) -> dict[str, dict[str, float | list[float]]]:
    """Seconds by arm, ratios to the basic launcher of the same round, and the share of equal final parameters."""
    seconds: dict[str, list[float]] = {arm: [] for arm in arms}
    equal = dict.fromkeys(arms, 0.0)
    for repeat in range(repeats):
        digests = {}
        for arm in arms if repeat % 2 == 0 else reversed(arms):
            elapsed, digests[arm] = run(ARMS[arm], size, jobs, env_steps)
            seconds[arm].append(elapsed)
            print(f"{size}, {env_steps} steps a job, {arm}: {elapsed:.1f} s", flush=True)
        for arm in arms:
            equal[arm] = statistics.mean(a == b for a, b in zip(digests[arm], digests["basic"], strict=True))
    ratios = {arm: [b / s for b, s in zip(seconds["basic"], seconds[arm], strict=True)] for arm in arms}
    return {
        arm: {"seconds": seconds[arm], "ratio": statistics.median(ratios[arm]), "equal": equal[arm]} for arm in arms
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--env-steps", type=int, nargs="*", default=[100_000, 1_000_000], help="of a job")
    parser.add_argument("--arms", nargs="*", choices=ARMS, default=list(ARMS), help="basic among them")
    parser.add_argument("--out", type=Path, help="a directory, if not that of the results")
    args = parser.parse_args()
    results = {}
    for size in SIZES:
        for arm in args.arms:
            run(ARMS[arm], size, args.jobs, 1000)  # compiles its program, for all to come
        for env_steps in args.env_steps:
            found = measure(size, args.jobs, env_steps, args.repeats, args.arms)
            results[f"{size}, {env_steps} steps a job"] = found
            for arm, each in found.items():
                print(f"  {arm}: {each['ratio']:.1f} times as fast as basic, {each['equal']:.0%} of jobs bit for bit")
    print(f"written to {save('sweep_speed', {'jobs': args.jobs, 'results': results}, directory=args.out)}")


if __name__ == "__main__":
    main()
