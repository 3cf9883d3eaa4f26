"""Whole runs, and what they leave in their directories."""

import json
from pathlib import Path

from jaxac.runs import runner
from jaxac.runs.job import Job
from jaxac.storage import checkpoint, run_directory

TIMINGS = {"time/seconds", "time/sps", "time/server_steps_per_second"}


def runs_in(base, make_config, *always):
    """``run(*overrides, at="a")``: trains in a directory below ``base`` and returns it.

    Args:
        make_config: makes a configuration of overrides.
        always: overrides of every run, of which its directory keeps no record.
    """

    def run(*overrides, at="a"):
        config = make_config(*always, *overrides)
        train(config, base / at, overrides)
        return base / at

    return run


def train(config, directory, overrides=()):
    """Trains one run in its directory; raises what it failed by."""
    job = Job(config, *run_directory.open_run(config, directory, list(overrides)))
    runner.train([job])
    job.result()


def summary(directory):
    return json.loads((Path(directory) / "summary.json").read_text())


def rows(directory):
    """All but what the clock says."""
    return [{k: v for k, v in row.items() if k not in TIMINGS} for row in run_directory.rows(directory)]


def final_state(directory):
    return checkpoint.read(checkpoint.newest(directory / "checkpoints")).state
