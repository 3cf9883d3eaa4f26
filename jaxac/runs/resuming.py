"""Words on how jobs that were stopped are resumed."""

from collections.abc import Sequence
from pathlib import Path

from jaxac.runs.job import Job
from jaxac.storage import run_directory


def place(jobs: Sequence[Job]) -> Path | None:
    """The directory to resume: of the one job, or of the sweep; None for jobs in memory."""
    directory = jobs[0].directory
    return directory.parent if directory and len(jobs) > 1 else directory


def lines(jobs: Sequence[Job]) -> list[str]:
    """Lines on how to go on after a stop, unless the console of a single run has said it."""
    directory, runs = place(jobs), [run for job in jobs for run in job.unfinished]
    if directory is None or (len(runs) == 1 == len(jobs) and runs[0].summary and jobs[0].config.logger.console):
        return []
    return [line(directory, any(run_directory.has_begun(run.directory) for run in runs if run.directory))]


def line(directory: Path, begun: bool) -> str:
    """One line on how to go on after a stop.

    Args:
        directory: the directory to resume.
        begun: True if something has been saved in it.
    """
    if not begun:
        return "nothing has been saved yet: start again with the same command"
    return f"resume with: python -m jaxac.train resume={directory}"
