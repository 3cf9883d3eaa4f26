"""A report on runs and sweeps, from their directories alone: ``report.html`` and its figures as PNGs.

    python -m experiments.report multirun/2026-01-31/12-00-00-3f9a1c       into its subdirectory report/
    python -m experiments.report outputs/a outputs/b --out comparison
    python -m experiments.report DIRECTORY --wandb entity/project          the same as a W&B Report, too

Runs are grouped into trials, which are equal but for the seed. The page opens without a network. Runs that cannot be
read are named, with the reason, and left out.
"""

import argparse
import importlib.util
import shlex
import sys
from pathlib import Path

from experiments.report_discovery import OUTPUT, read_all
from jaxac.errors import ConfigError

_NEEDED = {"report": ("jinja2", "scipy", "sklearn"), "reports": ("wandb_workspaces",)}
"""Modules of the optional extras."""


def make(directories: list[Path], out: Path | None, wandb: str | None, command: str) -> list[str]:
    """Reads, writes, and publishes if asked to.

    Returns:
        Lines that say where the report is.

    Raises:
        ConfigError: if there is nothing to report on, or something that is needed is missing.
    """
    for extra in ("report", "reports") if wandb else ("report",):
        _require(extra)
    runs, skipped = read_all(directories)

    from experiments import report_content, report_page  # slow to import: mistakes are answered before

    publish = None
    if wandb:
        from experiments import report_wandb

        publish = report_wandb.connect(wandb)
    content = report_content.build(runs, skipped)
    for run in skipped:
        print(f"jaxac: skipped {run.name}: {run.reason}", file=sys.stderr)
    for run in content.notes:
        print(f"jaxac: note on {run.name}: {run.reason}", file=sys.stderr)
    out = out or directories[0] / OUTPUT
    try:
        page = report_page.write(content, out, command)
    except OSError as error:
        raise ConfigError(
            f"cannot write {error.filename or out}: {error.strerror}; choose another place with --out."
        ) from None
    said = [f"report on {report_content.plural(len(runs), 'run')} in {page}"]
    return [*said, f"published as {publish(content)}"] if publish else said


def _require(extra: str) -> None:
    """Raises ConfigError if a module of an optional extra is not installed."""
    for module in _NEEDED[extra]:
        if importlib.util.find_spec(module) is None:
            raise ConfigError(f'{module} is not installed, which reports need; pip install -e ".[{extra}]"')


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m experiments.report", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("directories", nargs="+", type=Path, metavar="DIRECTORY", help="of a run, or of a sweep")
    parser.add_argument("--out", type=Path, help=f"where to write; default: {OUTPUT}/ in the first directory")
    parser.add_argument("--wandb", metavar="ENTITY/PROJECT", help="publish it there as a W&B Report")
    args = parser.parse_args()
    command = shlex.join(["python", "-m", "experiments.report", *sys.argv[1:]])
    try:
        for line in make(args.directories, args.out, args.wandb, command):
            print(line)
    except ConfigError as error:
        print(f"jaxac: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
