"""The cost of the host's work: the default run against one without logging, evaluation and checkpoints.

    python -m experiments.overhead                    4096 environments, 5 pairs: about 5 minutes on 2 cores
    python -m experiments.overhead --num-envs 512     about 1 minute

Both arms are whole runs of the real command's main loop, one after the other in one process, in alternating order,
with W&B offline in the default arm; the ratio is taken pair by pair. Compilation and the final curve and GIF are not
counted: they do not grow with the length of the run. Whole runs are noisy, so the time the host is at work is also
added up; what cutting a run into many compiled calls costs the device is not in that figure.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from experiments.common import prepare, save
from jaxac.config.compose import make_config
from jaxac.programs import program
from jaxac.programs.executors import Pooled
from jaxac.runs import trainer
from jaxac.runs.job import Job
from jaxac.runs.signals import StopRequest
from jaxac.storage import run_directory

SILENT = (
    "logger.every=1_000_000_000",
    "evaluation.every=0",
    "evaluation.episodes=1",
    "checkpoint.every=0",
    "logger.wandb.mode=disabled",
)


class TimedTrainer(trainer.Trainer):
    """Adds up what the host does between waiting for one chunk and dispatching the next."""

    host_seconds = 0.0

    def _absorb(self, pending: trainer.Pending) -> None:
        self.executor.fetch(pending.outcomes)
        start = time.perf_counter()
        super()._absorb(pending)
        self.host_seconds += time.perf_counter() - start


def seconds(num_envs: int, *overrides: str) -> tuple[float, float]:
    """Seconds from the first chunk to the last row of one run, and the host's share of it (of which the device may
    have worked through most).
    """
    config = make_config("+algo=a2c", f"env.num_envs={num_envs}", "logger.console=false", *overrides)
    with tempfile.TemporaryDirectory() as directory:
        job = Job(config, *run_directory.open_run(config, Path(directory), []))
        job.open(console=lambda _: None)
        (run,) = job.runs
        executor = Pooled(program.compile_program(config, run.spec), [run.spec], [config.seed])
        session = TimedTrainer([run], executor)
        start = time.perf_counter()
        session.train(StopRequest())
        elapsed = time.perf_counter() - start
    return elapsed, session.host_seconds / elapsed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--num-envs", type=int, default=4096)
    parser.add_argument("--pairs", type=int, default=5)
    args = parser.parse_args()
    prepare()
    for overrides in ((), SILENT):
        seconds(args.num_envs, *overrides)  # the first run of each pays for warming up
    pairs = []
    for pair in range(args.pairs):
        order = [(), SILENT] if pair % 2 else [SILENT, ()]
        runs = {overrides: seconds(args.num_envs, *overrides) for overrides in order}
        default, silent = runs[()], runs[SILENT]
        pairs.append(
            {"default": default[0], "silent": silent[0], "ratio": default[0] / silent[0], "host_share": default[1]}
        )
        print({name: round(value, 3) for name, value in pairs[-1].items()}, flush=True)
    ratios = [pair["ratio"] for pair in pairs]
    share = statistics.median(pair["host_share"] for pair in pairs)
    low, median, high = min(ratios) - 1, statistics.median(ratios) - 1, max(ratios) - 1
    print(f"slower than without by {median:.1%} (pairs from {low:.1%} to {high:.1%}); the host is at work {share:.1%}")
    path = save(
        f"overhead_{args.num_envs}", {"num_envs": args.num_envs, "median": median, "host_share": share, "pairs": pairs}
    )
    print(f"written to {path}")


if __name__ == "__main__":
    main()
