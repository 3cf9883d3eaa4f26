"""Is this program the one of an earlier revision, bit for bit, and as fast?

    python -m experiments.compare REV                 digests of five small runs, here and at REV
    python -m experiments.compare REV --speed 5       and five pairs of timed runs of each kind

The program at ``REV`` is what git holds there; the one here is the working tree. Both run with this Python and the
packages it has. Digests are equal on one machine only: another processor rounds differently.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from experiments import common
from jaxac import names
from jaxac.storage import run_directory

ROOT = Path(__file__).parents[1]
QUIET = ("logger.wandb.mode=disabled", "logger.curve=false", "logger.gif=false")
SMALL = ("env.num_envs=64", "algo.unroll_length=8", "total_env_steps=20480", "evaluation.episodes=64", *QUIET)
A3C = ("+algo=a3c", "algo.num_shards=4")
ADVANCED = ("algo.delay.distribution=geometric", "algo.delay.mean=3", "algo.max_staleness=6")


class Program:
    """The program in one tree of files.

    Args:
        tree: where ``jaxac`` and ``conf`` lie.
        work: where its runs may write.
    """

    def __init__(self, tree: Path, work: Path) -> None:
        self.tree, self.work = tree, work

    def train(self, name: str, *overrides: str) -> tuple[Path, float]:
        """Trains with these overrides; the run's (or the sweep's) directory, and the seconds that the command took."""
        directory, multirun = self.work / name, "-m" in overrides
        place = [f"hydra.{'sweep' if multirun else 'run'}.dir={directory}"]
        if any(text.startswith("resume=") for text in overrides):
            place = []
        command = [sys.executable, "-m", "jaxac.train", *overrides, *place]
        environment = {**os.environ, "PYTHONPATH": str(self.tree)}
        start = time.perf_counter()
        done = subprocess.run(command, cwd=self.work, env=environment, capture_output=True, text=True)
        seconds = time.perf_counter() - start
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        return directory, seconds

    def copy(self, run: Path, name: str) -> Path:
        """A copy of a run's directory, for this program to go on with."""
        return shutil.copytree(run, self.work / name)


def digest(run: Path) -> str:
    """The final parameters' digest of a run."""
    return run_directory.read_summary(run)["params_digest"]


def sps(run: Path) -> float:
    """Environment steps per second of training of a run, of this revision or an earlier one."""
    return run_directory.read_summary(run)[names.SPS_MEAN]


@contextmanager
def program_at(revision: str) -> Iterator[Program]:
    """The program at a revision of git's, in a folder of its own for as long as the block runs."""
    with tempfile.TemporaryDirectory() as folder:
        tree, work = Path(folder, "tree"), Path(folder, "work")
        tree.mkdir()
        work.mkdir()
        archive = subprocess.run(
            ["git", "archive", revision, "jaxac", "conf"], cwd=ROOT, check=True, stdout=subprocess.PIPE
        )
        subprocess.run(["tar", "-x", "-C", str(tree)], input=archive.stdout, check=True)
        yield Program(tree, work)


def digests(before: Program, after: Program) -> dict[str, list[str]]:
    """The digests of five small runs with each program, and of a run that one began and the other ended."""
    threads, _ = before.train("threads", *A3C, "algo.runtime=threads", *SMALL)
    found = {}
    for name, overrides in {
        "a2c": ("+algo=a2c", *SMALL),
        "a3c compiled": (*A3C, *ADVANCED, *SMALL),
        "threads replayed": (*A3C, "algo.runtime=replay", f"algo.events={threads}/events.jsonl", *SMALL),
    }.items():
        found[name] = [digest(each.train(name.replace(" ", "_"), *overrides)[0]) for each in (before, after)]
    found["threads replayed"].append(digest(threads))
    lanes = ("-m", "hydra/launcher=vmap", "hydra.launcher.how=vmap", "seed=0,1", "+algo=a2c", *SMALL)
    sweeps = [each.train("lanes", *lanes)[0] for each in (before, after)]
    for lane in "01":
        found[f"lane {lane}"] = [digest(sweep / lane) for sweep in sweeps]
    stopped, _ = before.train("stopped", "+algo=a2c", "stop_after_updates=17", *SMALL)
    found["resumed"] = []
    for each, name in ((before, "by_before"), (after, "by_after")):
        run = each.copy(stopped, name)
        each.train(name, f"resume={run}")
        found["resumed"].append(digest(run))
    return found


LARGE = ("env.num_envs=4096", "algo.unroll_length=16", "seed=1", "evaluation.every=0", *QUIET)
JOBS = ("-m", "hydra/launcher=vmap", "+algo=a2c", "env.num_envs=8", "algo.unroll_length=5", "total_env_steps=100_000")
SPEEDS: dict[str, tuple[tuple[str, ...], Callable[[Path, float], float], str]] = {
    "shared 128, 4096 × 16": (
        ("+algo=a2c", "network=shared", "total_env_steps=26_000_000", *LARGE),
        lambda run, _: sps(run),
        "steps a second",
    ),
    "separate 64-64, 4096 × 16": (
        ("+algo=a2c", "network=separate", "total_env_steps=13_000_000", *LARGE),
        lambda run, _: sps(run),
        "steps a second",
    ),
    "warm start-up": (("+algo=a2c", *SMALL), lambda _, seconds: 1 / seconds, "runs a second"),
    "to solved, with W&B": (("+experiment=quick",), lambda _, seconds: 1 / seconds, "runs a second"),
    "sweep of 64": (
        (*JOBS, "seed=range(0,64)", "logger.wandb.mode=disabled"),
        lambda _, seconds: 1 / seconds,
        "sweeps a second",
    ),
}


def speeds(before: Program, after: Program, pairs: int, only: list[str]) -> Iterator[tuple[str, dict]]:
    """The speed of each kind of run with the program here over the one before, pair by pair, in turns."""
    for name, (overrides, speed, unit) in SPEEDS.items():
        if only and not any(part in name for part in only):
            continue
        values: tuple[list[float], list[float]] = ([], [])
        for pair in range(-1, pairs):  # the first fills the caches
            order = (0, 1) if pair % 2 else (1, 0)
            for which in order:
                each = (before, after)[which]
                measured = speed(*each.train(f"{name.split()[0]}_{which}_{pair}", *overrides))
                if pair >= 0:
                    values[which].append(measured)
        ratios = common.ratio(values[1], values[0])
        medians = [statistics.median(each) for each in values]
        spread = f"{ratios['lowest']:.3f} to {ratios['highest']:.3f}"
        print(f"{name}: {medians[0]:.4g} → {medians[1]:.4g} {unit}, × {ratios['ratio']:.3f} ({spread})", flush=True)
        yield name, {"unit": unit, "before": values[0], "after": values[1], **ratios}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("revision", help="of git's: a commit, a tag, a branch")
    parser.add_argument("--speed", type=int, default=0, metavar="PAIRS", help="timed runs of each kind and program")
    parser.add_argument("--only", nargs="*", default=[], help="kinds of timed runs, by a part of their names")
    arguments = parser.parse_args()
    with program_at(arguments.revision) as before, tempfile.TemporaryDirectory() as work:
        after = Program(ROOT, Path(work))
        equal = True
        for name, found in digests(before, after).items() if not arguments.only else ():
            same = len(set(found)) == 1
            equal &= same
            print(f"{name}: {'equal' if same else 'DIFFERENT'} {' '.join(each[:12] for each in found)}", flush=True)
        kept = common.load("compare")
        known = kept["speeds"] if kept.get("revision") == arguments.revision else {}
        for name, result in speeds(before, after, arguments.speed, arguments.only) if arguments.speed else ():
            known[name] = result
            common.save("compare", {"revision": arguments.revision, "speeds": known})
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main())
