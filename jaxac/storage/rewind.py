"""A run's directory taken back to a checkpoint: what came after it is of a branch that is not continued."""

from pathlib import Path

from jaxac.config.schema import Config
from jaxac.storage import checkpoint, events, records, run_directory, weights
from jaxac.storage.checkpoint import Checkpoint


def rewind(config: Config, directory: Path, start: Checkpoint) -> list[str]:
    """Removes everything that is later than the checkpoint ``start``, which the run is about to be resumed from.

    Rows, events and the best weights are those of the moment of the checkpoint, later checkpoints are gone, damaged
    ones included, and so is the summary: it tells an end that is undone.

    Args:
        config: the run's configuration.
        directory: the run's directory.
        start: the checkpoint.

    Returns:
        Sentences for the user on what was lost.
    """
    removed = checkpoint.remove_after(directory / run_directory.CHECKPOINTS, start.updates)
    knows_best = not removed and start.progress.get("best_eval_return_mean") is not None
    weights.rewind(directory, start.updates, keep=knows_best)
    (directory / run_directory.SUMMARY).unlink(missing_ok=True)
    bad_rows = _truncate_rows(directory, start.updates)
    bad_events = events.truncate(directory / run_directory.EVENTS, config.algo.pushes(start.updates))
    notes = []
    if removed:
        listed = ", ".join(map(str, removed))
        notes.append(f"back to update {start.updates}: the checkpoints after it ({listed}) and their rows are removed")
    if bad_rows:
        notes.append(f"{directory / run_directory.METRICS}: {_lines(bad_rows)} damaged, and left out")
    if bad_events:
        lost = f"{_lines(bad_events)} damaged, and left out; the run can no longer be replayed"
        notes.append(f"{directory / run_directory.EVENTS}: {lost}")
    return notes


def _truncate_rows(directory: Path, updates: int) -> int:
    """Drops the rows after update ``updates``, which the resumed run will write again; returns the damaged lines."""
    path = directory / run_directory.METRICS
    _, damaged = records.read_lines(path)
    records.write_lines(path, [row for row in run_directory.rows(directory) if row["updates"] <= updates])
    return damaged


def _lines(count: int) -> str:
    return "1 line is" if count == 1 else f"{count} lines are"
