"""Measures how long a command takes from the shell's prompt to a solved task, and back.

    python -m experiments.start                 two minutes on 2 cores
    python -m experiments.start --rounds 5

``+experiment=quick`` is 64 environments that stop at 475. Its whole command is timed: with an empty cache of compiled
programs and with one that has them, and the latter also without W&B; imports, files and W&B's process are in. Of the
README's main command only what it says itself is kept: the seconds that compiling took with an empty cache.
"""

import argparse
import statistics
import tempfile
from pathlib import Path

from experiments.common import save
from experiments.compare import ROOT, Program
from jaxac import names
from jaxac.storage import run_directory

QUICK = ("+experiment=quick",)
MAIN = ("+algo=a2c", "env.num_envs=4096", "stop_after_updates=1")
ARMS = {
    "cold": (QUICK, True),
    "warm": (QUICK, False),
    "warm, no W&B": ((*QUICK, "logger.wandb.mode=disabled"), False),
    "main command, cold": (MAIN, True),
}
"""What is typed, and whether the cache is empty."""


def measure(overrides: tuple[str, ...], cache: Path) -> tuple[float, float]:
    """The seconds of a whole command, and of its compilation."""
    with tempfile.TemporaryDirectory() as folder:
        run, seconds = Program(ROOT, Path(folder)).train("run", *overrides, f"compilation_cache={cache}")
        return seconds, run_directory.read_summary(run)[names.COMPILE_SECONDS]


def rounds(count: int, warm: Path) -> dict[str, dict[str, list[float]]]:
    """The seconds of every arm, by round; the arms take turns."""
    found: dict[str, dict[str, list[float]]] = {name: {"seconds": [], "compile_seconds": []} for name in ARMS}
    for number in range(count + 1):
        for name, (overrides, is_cold) in ARMS.items():
            with tempfile.TemporaryDirectory() as empty:
                seconds, compiling = measure(overrides, Path(empty) if is_cold else warm)
            if number:  # the round before the first fills the caches, the disk's too
                found[name]["seconds"].append(round(seconds, 2))
                found[name]["compile_seconds"].append(round(compiling, 2))
                print(f"{number}/{count} {name}: {seconds:.1f} s, compiled in {compiling:.1f} s", flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as warm:
        found = rounds(args.rounds, Path(warm))
    save("start", {"arms": found}, f"python -m experiments.start --rounds {args.rounds}")
    print("| command | seconds | lowest to highest | of which compiling |\n|---|---|---|---|")
    for name, told in found.items():
        seconds = told["seconds"]
        middle, compiling = (statistics.median(each) for each in (seconds, told["compile_seconds"]))
        print(f"| {name} | {middle:.1f} | {min(seconds):.1f} to {max(seconds):.1f} | {compiling:.1f} |")


if __name__ == "__main__":
    main()
