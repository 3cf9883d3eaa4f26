"""Measures what workers of one machine give a sweep: whole commands by the clock, in pairs.

    python -m experiments.worker_speed                 about 10 minutes on 2 cores

A sweep of 64 jobs of 8 environments × 5 steps is trained by one process with a lane on every core
(``hydra/launcher=vmap``), and by two workers with a core each (``hydra.launcher.workers=2``), with W&B (offline) and
without. Start-up, compilation, composing of configurations and files are all in; the order alternates. Final parameters
have to be the same, bit for bit.
"""

import argparse
import os
import statistics
from pathlib import Path

from experiments import sweep_speed
from experiments.common import save

WORKERS = {"1 worker": (), "2 workers": ("hydra.launcher.workers=2",)}
LOGGERS = {"W&B": (), "no W&B": ("logger.wandb.mode=disabled",)}
SIZE = "8 environments × 5 steps"


def measure(logger: str, jobs: int, env_steps: int, pairs: int) -> dict[str, object]:
    """Seconds by the number of workers, and ratios of one worker's to two workers', pair by pair.

    Raises:
        AssertionError: if a job's final parameters differ.
    """
    seconds: dict[str, list[float]] = {name: [] for name in WORKERS}
    for pair in range(pairs):
        digests = []
        for name in WORKERS if pair % 2 == 0 else reversed(WORKERS):
            launcher = ("hydra/launcher=vmap", "hydra.launcher.how=cores", *WORKERS[name], *LOGGERS[logger])
            elapsed, found = sweep_speed.run(launcher, SIZE, jobs, env_steps)
            seconds[name].append(elapsed)
            digests.append(found)
            print(f"{logger}, {name}: {elapsed:.1f} s", flush=True)
        assert digests[0] == digests[1]
    ratios = [one / two for one, two in zip(*seconds.values(), strict=True)]
    return {"seconds": seconds, "ratios": ratios, "ratio": statistics.median(ratios)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=64)
    parser.add_argument("--env-steps", type=int, default=100_000, help="of a job")
    parser.add_argument("--pairs", type=int, default=4)
    parser.add_argument("--out", type=Path, help="a directory, if not that of the results")
    args = parser.parse_args()
    sweep_speed.run(("hydra/launcher=vmap",), SIZE, 4, 1000)  # fills caches
    results = {logger: measure(logger, args.jobs, args.env_steps, args.pairs) for logger in LOGGERS}
    found = {"jobs": args.jobs, "env_steps": args.env_steps, "load": os.getloadavg()[1], "results": results}
    print(f"written to {save('worker_speed', found, directory=args.out)}")


if __name__ == "__main__":
    main()
