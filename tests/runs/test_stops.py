"""Stopping: at any update, soon, with a word on what is being waited for, and with everything saved."""

import itertools
import signal
import time

import numpy as np
import pytest

from jaxac.programs.executors import Pooled
from jaxac.runs import pace, runner, signals, trainer
from jaxac.runs.job import Job
from jaxac.runs.signals import StopNowError, stop_request
from jaxac.storage import run_directory
from tests.processes import CACHE
from tests.whole_runs import final_state, rows, runs_in, summary

LONG_ROWS = ("logger.every=160", "evaluation.every=0", "checkpoint.every=0")
"""Rows of five updates."""
A3C = ("+algo=a3c", "algo.num_shards=4", "algo.delay.distribution=geometric", "algo.delay.mean=2")


@pytest.fixture
def run(small_config, run_dir):
    return runs_in(run_dir, small_config, CACHE, "logger.curve=false", "logger.gif=false")


@pytest.fixture
def lengths(monkeypatch):
    """The lengths of the chunks that were dispatched."""
    found, advance = [], Pooled.advance

    def spy(self, state, chunk, active):
        found.append(chunk.num_updates)
        return advance(self, state, chunk, active)

    monkeypatch.setattr(Pooled, "advance", spy)
    return found


@pytest.mark.parametrize(
    "algo",
    [(), pytest.param(A3C, marks=pytest.mark.slow), pytest.param(("algo.num_shards=4",), marks=pytest.mark.slow)],
)
def test_into_how_many_chunks_a_row_is_cut_changes_no_bit(run, algo, lengths, monkeypatch):
    monkeypatch.setattr(pace, "SECONDS", 1e9)
    monkeypatch.setattr(pace, "_GROWTH", 100)
    whole = run(*algo, *LONG_ROWS, at="whole")
    assert lengths == [1, 1, 3, 5]
    monkeypatch.setattr(pace, "SECONDS", 0)
    lengths.clear()
    parts = run(*algo, *LONG_ROWS, at="parts")
    assert lengths == [1] * 10
    assert rows(parts) == rows(whole) and len(rows(parts)) == 2
    assert final_state(parts) == final_state(whole)


@pytest.mark.parametrize("algo", [(), pytest.param(A3C, marks=pytest.mark.slow)])
@pytest.mark.parametrize("stops", [pytest.param([3], marks=pytest.mark.slow), [1, 1, 5]])
def test_a_row_that_was_left_in_the_middle_goes_on(run, algo, stops):
    whole, parts = run(*algo, *LONG_ROWS, at="whole"), run(*algo, *LONG_ROWS, f"stop_after_updates={stops[0]}")
    assert (summary(parts)["updates"], rows(parts)) == (stops[0], [])
    for stop in stops[1:]:
        run(*algo, *LONG_ROWS, f"resume={parts}", f"stop_after_updates={stop}")
    assert summary(parts)["updates"] == sum(stops)
    run(*algo, *LONG_ROWS, f"resume={parts}")
    assert rows(parts) == rows(whole)
    assert final_state(parts) == final_state(whole)
    for row in run_directory.rows(parts):
        assert row["time/sps"] > 0
    seconds = [row["time/seconds"] for row in run_directory.rows(parts)]
    assert seconds == sorted(seconds)
    assert row["env_steps"] / row["time/sps"] < 2 * seconds[-1]


@pytest.mark.parametrize("how", ["cores", pytest.param("vmap", marks=pytest.mark.slow)])
def test_lanes_leave_rows_in_the_middle_too(small_config, run_dir, how):
    def train(at, *overrides):
        directories = [run_dir / at / str(seed) for seed in range(3)]
        jobs = []
        for seed, directory in enumerate(directories):
            again = [f"resume={directory}"] if run_directory.has_begun(directory) else []
            config = small_config(CACHE, *LONG_ROWS, *overrides, f"seed={seed}", *again)
            jobs.append(Job(config, *run_directory.open_run(config, directory, [])))
        runner.train(jobs, how=how)
        return directories

    quiet = ("logger.curve=false", "logger.gif=false")
    whole = train("whole", *quiet)
    train("parts", *quiet, "stop_after_updates=3")
    parts = train("parts", *quiet)
    assert [rows(each) for each in parts] == [rows(each) for each in whole]
    assert [final_state(each) for each in parts] == [final_state(each) for each in whole]


def test_rows_of_threads_are_whole_however_they_are_cut(run, monkeypatch):
    monkeypatch.setattr(pace, "SECONDS", 0)
    threads = ("+algo=a3c", "algo.runtime=threads", "algo.num_shards=2", *LONG_ROWS)
    directory = run(*threads)
    for row in run_directory.rows(directory):
        assert row["async/shard_env_steps"] and sum(row["async/shard_env_steps"]) == 160
        assert sum(row["async/staleness_histogram"]) + row["async/pushes_dropped"] == 10
        assert 0 <= row["time/idle_share"] <= 1 and 0 <= row["time/contention"] <= 1
    stopped = run(*threads, "stop_after_updates=3", at="stopped")
    run(*threads, f"resume={stopped}", at="stopped")
    assert [row["updates"] for row in run_directory.rows(stopped)] == [3, 5, 10]
    counts = np.sum([row["async/shard_env_steps"] for row in run_directory.rows(stopped)], axis=0)
    assert counts.sum() == 320


def test_chunks_take_about_a_second_however_slow_the_network_is(run, lengths, monkeypatch):
    """Of a program that takes 0.3 s an update, three fit."""
    chunk = Pooled._run

    def slow(self, lane, state, what):
        after, outcome = chunk(self, lane, state, what)
        return after, outcome._replace(seconds=0.3 * what.num_updates)

    monkeypatch.setattr(Pooled, "_run", slow)
    run("logger.every=640", "total_env_steps=640", "evaluation.every=0", "checkpoint.every=0")
    assert lengths[0] == 1 and set(lengths[2:-1]) == {3}


def interrupt_at(monkeypatch, *updates, number=signal.SIGTERM):
    """Sends this process a signal when so many updates have been read, a second apart by its clock."""
    absorb, clock = trainer.Trainer._absorb, itertools.count()
    monkeypatch.setattr(signals, "time", type("Clock", (), {"monotonic": lambda: float(next(clock))}))

    def interrupt(self, pending):
        absorb(self, pending)
        if pending.updates in updates:
            signal.raise_signal(number)

    monkeypatch.setattr(trainer.Trainer, "_absorb", interrupt)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1])
def test_the_first_signal_says_what_is_waited_for_and_saves(run, run_dir, monkeypatch, capsys, number):
    with monkeypatch.context() as patch:
        interrupt_at(patch, 3, number=number)
        with pytest.raises(SystemExit) as stopped:
            run("checkpoint.every=0")
    assert stopped.value.code == 128 + number
    told = capsys.readouterr().out
    assert f"{number.name}: stopping after this chunk, about 1 s; again to stop now" in told
    assert f"resume with: python -m jaxac.train resume={run_dir / 'a'}" in told
    assert summary(run_dir / "a")["status"] == "interrupted"
    run(f"resume={run_dir / 'a'}", "checkpoint.every=0")
    assert final_state(run_dir / "a") == final_state(run("checkpoint.every=0", at="whole"))


def test_the_second_signal_leaves_the_run_at_its_newest_checkpoint(run, run_dir, monkeypatch, capsys):
    every = ("checkpoint.every=96", "evaluation.every=32")
    with monkeypatch.context() as patch:
        interrupt_at(patch, 4, 5, number=signal.SIGINT)
        with pytest.raises(StopNowError) as stopped:
            run(*every)
    assert stopped.value.signal == signal.SIGINT
    assert f"resume with: python -m jaxac.train resume={run_dir / 'a'}" in capsys.readouterr().out
    found, alike = summary(run_dir / "a"), summary(run(*every, "stop_after_updates=3", at="alike"))
    same = ("status", "updates", "env_steps", "params_digest", "eval/return_mean", "eval/best_return_mean")
    assert {name: found[name] for name in same} == {name: alike[name] for name in same}
    run(*every, f"resume={run_dir / 'a'}")
    assert final_state(run_dir / "a") == final_state(run(*every, at="whole"))


def test_signals_while_it_compiles_are_answered(run, run_dir, monkeypatch, capsys):
    compilation = runner._compilation

    def slow(group, how):
        function, *arguments = compilation(group, how)
        return (lambda: (time.sleep(0.5), signal.raise_signal(signal.SIGINT), function(*arguments))[-1],)

    monkeypatch.setattr(runner, "_compilation", slow)
    with pytest.raises(SystemExit) as stopped:
        run()
    assert stopped.value.code == 130
    assert "SIGINT: stopping after compiling; again to stop now" in capsys.readouterr().out
    assert summary(run_dir / "a")["updates"] == 0


def test_a_signal_that_is_sent_twice_at_once_is_one_request():
    with stop_request() as request:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
    assert request.signal == signal.SIGINT


def test_a_signal_that_another_process_was_sent_is_none_of_ours(capsys):
    """Where a launcher signals all, a follower's comes before the own, or after it."""
    with stop_request(print) as request:
        request.heed(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        request.heed(signal.SIGTERM)
    assert request.signal == signal.SIGTERM
    assert capsys.readouterr().out.count("SIGTERM: stopping") == 1


def test_signals_that_others_use_are_left_to_them():
    mine = signal.signal(signal.SIGHUP, signal.SIG_IGN), signal.signal(signal.SIGUSR1, lambda *_: None)
    try:
        with stop_request() as request:
            signal.raise_signal(signal.SIGHUP)
            signal.raise_signal(signal.SIGUSR1)
        assert request.signal is None
    finally:
        signal.signal(signal.SIGHUP, mine[0])
        signal.signal(signal.SIGUSR1, mine[1])


def test_a_file_asks_to_stop_as_a_signal_does(tmp_path):
    said, file = [], tmp_path / "stop"
    with stop_request(said.append, file) as request:
        assert request.signal is None
        file.touch()
        assert request.signal == signal.SIGTERM
        assert said == ["SIGTERM: stopping after compiling; again to stop now"]
        file.unlink()
        assert request.signal == signal.SIGTERM and len(said) == 1


def test_further_signals_can_be_taken_over():
    before = signal.signal(signal.SIGUSR2, lambda *_: pytest.fail("was not taken over"))
    try:
        with stop_request(also=(signal.SIGUSR2,)) as request:
            signal.raise_signal(signal.SIGUSR2)
            assert request.signal == signal.SIGUSR2
    finally:
        signal.signal(signal.SIGUSR2, before)
