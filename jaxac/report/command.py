"""A report on runs and sweeps, from their directories alone: ``report.html`` and its figures as PNGs.

    python -m jaxac.report multirun/2026-01-31/12-00-00-3f9a1c       writes to its subdirectory report/
    python -m jaxac.report outputs/a outputs/b --out comparison
    python -m jaxac.report DIRECTORY --wandb entity/project          publishes it as a W&B Report too
    python -m jaxac.report DIRECTORY --wandb entity/project --dry-run    writes what would be published

Runs are grouped into trials, which are equal but for the seed. The page opens without a network. Runs that cannot be
read are named, with the reason, and left out.
"""

import argparse
import importlib.util
import logging
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from jaxac.errors import ConfigError
from jaxac.report.discover import OUTPUT, read_all

if TYPE_CHECKING:
    from jaxac.report.words import Content


def make(
    directories: list[Path], out: Path | None, target: str | None, command: str, dry_run: bool = False
) -> list[str]:
    """Makes a report, and publishes it if asked to.

    Args:
        directories: directories of runs and sweeps.
        out: the directory for the page; None for a subdirectory of the first directory.
        target: ``entity/project`` to publish the report to; None to publish nothing.
        command: the command line, for the page to quote.
        dry_run: write what would be published to ``target``, and publish nothing.

    Returns:
        Lines that say where the report is.

    Raises:
        ConfigError: if there is nothing to report on, a package is missing, or the report cannot be written.
    """
    _check(target, dry_run)
    runs, skipped = read_all(directories)

    from jaxac.report import page, words  # slow to import, so only after the checks above

    publish = _publisher(target, out or directories[0] / OUTPUT, dry_run) if target else None
    content = words.build(runs, skipped)
    for run in skipped:
        print(f"jaxac: skipped {run.name}: {run.reason}", file=sys.stderr)
    for run in content.notes:
        print(f"jaxac: note on {run.name}: {run.reason}", file=sys.stderr)
    out = out or directories[0] / OUTPUT
    try:
        written = page.write(content, out, command)
    except OSError as error:
        raise ConfigError(
            f"cannot write {error.filename or out}: {error.strerror}; choose another place with --out."
        ) from None
    said = [f"report on {words.plural(len(runs), 'run')} in {written}"]
    return [*said, publish(content)] if publish else said


def _publisher(target: str, out: Path, dry_run: bool) -> "Callable[[Content], str]":
    """A function that publishes a report, or writes what would be published, and says where it is."""
    from jaxac.report import wandb, wandb_preview

    if dry_run:
        place = wandb.place_of(target)
        return lambda content: f"not published; to look at: {wandb_preview.write(content, *place, out)}"
    publish = wandb.connect(target)
    return lambda content: f"published as {publish(content)}"


def _check(target: str | None, dry_run: bool) -> None:
    """Raises ConfigError if there is nothing to publish, or the package that makes W&B Reports is not installed."""
    if dry_run and not target:
        raise ConfigError("--dry-run shows what would be published; say where to, with --wandb entity/project.")
    if target and importlib.util.find_spec("wandb_workspaces") is None:
        raise ConfigError('wandb_workspaces is not installed, which W&B Reports need; pip install "jaxac[reports]"')


def main() -> None:
    """The command's entry point; a mistake ends it with one sentence and exit code 2."""
    parser = argparse.ArgumentParser(
        prog="python -m jaxac.report", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "directories", nargs="+", type=Path, metavar="DIRECTORY", help="directory of a run or of a sweep"
    )
    parser.add_argument("--out", type=Path, help=f"where to write; default: {OUTPUT}/ in the first directory")
    parser.add_argument("--wandb", metavar="ENTITY/PROJECT", help="publish it there as a W&B Report")
    parser.add_argument("--dry-run", action="store_true", help="with --wandb: write what would be published instead")
    args = parser.parse_args()
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # it announces its work on a new machine
    command = shlex.join(["python", "-m", "jaxac.report", *sys.argv[1:]])
    try:
        for line in make(args.directories, args.out, args.wandb, command, args.dry_run):
            print(line)
    except ConfigError as error:
        print(f"jaxac: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
