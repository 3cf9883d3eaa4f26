"""What other processes write is read as it comes, and shown in one line."""

import json

import pytest

from jaxac.runs.job import Job
from jaxac.storage import run_directory
from jaxac.workers.display import Display
from jaxac.workers.rows import Rows


@pytest.fixture
def write(tmp_path):
    """``write(*steps, to=…)``: rows at the end of a run's file."""

    def append(*steps, to=".", text=None, mode="a"):
        (tmp_path / to).mkdir(exist_ok=True, parents=True)
        lines = "".join(json.dumps({"env_steps": n, "updates": n, "eval/return_mean": float(n)}) + "\n" for n in steps)
        with (tmp_path / to / run_directory.METRICS).open(mode) as file:
            file.write(lines if text is None else text)

    return append


def steps(rows):
    return [row["env_steps"] for row in rows]


def test_rows_are_read_once_as_they_come(write, tmp_path):
    rows = Rows(tmp_path)
    assert rows.env_steps == 0 and rows.new() == []
    write(1, 2)
    assert steps(rows.new()) == [1, 2]
    assert rows.new() == [] and rows.env_steps == 2


def test_rows_of_before_are_not_new(write, tmp_path):
    write(1, 2)
    rows = Rows(tmp_path)
    assert rows.env_steps == 2
    write(3)
    assert steps(rows.new()) == [3]


def test_half_a_row_waits_for_its_other_half(write, tmp_path):
    rows = Rows(tmp_path)
    write(1)
    write(text='{"env_steps": 2, "upd')
    assert steps(rows.new()) == [1]
    write(text='ates": 2}\n')
    assert steps(rows.new()) == [2]


def test_rows_that_were_removed_are_not_missed(write, tmp_path):
    """A run that goes on from its checkpoint removes those that came after it."""
    write(1, 2, 3)
    rows = Rows(tmp_path)
    write(1, mode="w")
    assert rows.new() == []
    write(4)
    assert steps(rows.new()) == [4]


def test_jobs_and_seeds_are_shown_together(small_config, write, tmp_path, capsys):
    jobs = [Job(small_config("seed=0"), tmp_path / "0"), Job(small_config("num_seeds=2"), tmp_path / "1")]
    jobs[0].label = "job 0: seed=0"
    with Display(jobs) as display:
        write(320, to="0")
        write(160, to="1/seeds/1")
        display.look()
        assert display.end(tmp_path / "0") == "job 0: seed=0"
        assert display.end(tmp_path / "1") == "1"
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("0/3 done   33%  320/960 steps")
    assert told[-1].startswith("3/3 done  100%  960/960 steps")
    assert "best so far 320.0 (job 0: seed=0)" in told[-1]


def test_without_a_console_nothing_is_shown(small_config, write, tmp_path, capsys):
    job = Job(small_config("logger.console=false"), tmp_path / "0")
    with Display([job]) as display:
        write(320, to="0")
        display.look()
        assert display.end(tmp_path / "0") == "0"
    assert capsys.readouterr().out == ""
