"""The runs under a directory: single ones, the jobs of a sweep, the seeds of a run over several."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jaxac.errors import ConfigError
from jaxac.report.read import Run, UnreadableError, read_config, read_run
from jaxac.storage.run_directory import CHECKPOINTS, CONFIG, METRICS, OVERRIDES, SEEDS, SUMMARY

OUTPUT = "report"
"""The subdirectory that a report goes to by default."""
_NO_RUNS_INSIDE = {"wandb", CHECKPOINTS, SEEDS, OUTPUT}
_HYDRA = ".hydra"
_NAMED = 3
"""Number of reasons that one sentence has room for."""


@dataclass(frozen=True)
class Skipped:
    """A run that is not part of the report, or that the report has a note on."""

    name: str
    """The run's directory, relative to the one that was given."""
    reason: str
    """The reason that it was left out, or the oddity that is noted."""


def read_all(directories: list[Path]) -> tuple[list[Run], list[Skipped]]:
    """Every run under ``directories``, each once, and the runs that cannot be read.

    Raises:
        ConfigError: if a directory does not exist or holds no runs, or none of them can be read.
    """
    runs: list[Run] = []
    skipped: list[Skipped] = []
    seen: set[Path] = set()
    for directory in directories:
        found = sorted(_candidates(directory), key=_in_order)
        if not found:
            raise ConfigError(f"{directory} holds no runs; give the directory of a run or of a sweep.")
        for path in found:
            if path.resolve() not in seen:
                seen.add(path.resolve())
                _read(path, Path(os.path.abspath(directory)).parent, runs, skipped)
    if not runs:
        reasons = "; ".join(f"{one.name}: {one.reason}" for one in skipped[:_NAMED])
        more = f"; and {len(skipped) - _NAMED} more" if len(skipped) > _NAMED else ""
        raise ConfigError(f"{directories[0]} holds no run that can be read ({reasons}{more}).")
    return runs, skipped


def _candidates(directory: Path) -> Iterator[Path]:
    """Directories that hold a run, or should hold one."""
    if not directory.exists():
        raise ConfigError(f"{directory} does not exist; give the directory of a run or of a sweep.")
    if not directory.is_dir():
        raise ConfigError(f"{directory} is a file; give the directory of a run or of a sweep.")
    for path, below, files in os.walk(os.path.abspath(directory)):
        if {CONFIG, OVERRIDES, METRICS, SUMMARY}.intersection(files) or _HYDRA in below:
            yield Path(path)
        below[:] = [name for name in below if name not in _NO_RUNS_INSIDE and not name.startswith(".")]


def _in_order(path: Path) -> list[tuple[int, str]]:
    """A sorting key by which job 10 comes after job 9."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in path.parts]


def _read(path: Path, base: Path, runs: list[Run], skipped: list[Skipped]) -> None:
    """Reads the run at ``path``, or one run per seed if it is one over several seeds."""
    name = os.path.relpath(path, base)
    try:
        if not any((path / file).exists() for file in (CONFIG, OVERRIDES, METRICS, SUMMARY)):
            raise UnreadableError(f"the job ended before its run began: {CONFIG} is missing")
        asked = read_config(path).get("num_seeds")
        if not isinstance(asked, int) or asked <= 1:
            runs.append(read_run(path, name))
            return
    except UnreadableError as error:
        skipped.append(Skipped(name, str(error)))
        return
    seeds = sorted((seed for seed in (path / SEEDS).glob("*") if seed.is_dir()), key=_in_order)
    if len(seeds) < asked:
        skipped.append(Skipped(name, f"num_seeds={asked}, but {SEEDS}/ holds {len(seeds)} of them"))
    for seed in seeds:
        seed_name = os.path.relpath(seed, base)
        try:
            runs.append(read_run(seed, seed_name, overrides_from=path))
        except UnreadableError as error:
            skipped.append(Skipped(seed_name, str(error)))
