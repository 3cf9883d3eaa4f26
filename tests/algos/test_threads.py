"""A3C in real time, in this process, on the four devices there are."""

import json
import threading
import time

import jax
import numpy as np
import pytest

from jaxac import spec
from jaxac.algos import a3c
from jaxac.algos.realtime import calls, hogwild, host, learners
from jaxac.errors import ConfigError
from jaxac.programs import program
from jaxac.storage import checkpoint, events, run_directory
from tests.processes import CACHE
from tests.whole_runs import runs_in, summary

THREADS = ("+algo=a3c", "algo.num_shards=4", "algo.runtime=threads")
QUIET = ("logger.curve=false", "logger.gif=false", "evaluation.episodes=4")


@pytest.fixture
def run(small_config, run_dir):
    """``run(*overrides, at=…)``: trains in a directory of its own and returns it."""
    return runs_in(run_dir, small_config, *THREADS[:2], *QUIET, CACHE)


@pytest.fixture
def session(small_config, run_dir):
    """``session(*overrides)``: a program with threads, its numbers and a fresh state; the threads end with the test."""
    opened = []

    def open_(*overrides):
        config = small_config(*THREADS, "total_env_steps=32000", *overrides)
        numbers = spec.make(config)
        run_dir.mkdir(exist_ok=True)
        built = program.compile_program(config, numbers, run_dir / "events.jsonl")
        opened.append(built)
        return built, numbers, built.init(numbers, program.keys(0)[0])

    yield open_
    for built in opened:
        built.close()


def log(directory):
    return [json.loads(line) for line in (directory / "events.jsonl").read_text().splitlines()]


def test_a_replay_gives_the_same_bits(run):
    real = run("algo.runtime=threads", at="real")
    again = run("algo.runtime=replay", f"algo.events={real / 'events.jsonl'}", at="again")
    assert summary(again)["params_digest"] == summary(real)["params_digest"]
    rows = [run_directory.rows(directory)[-1] for directory in (real, again)]
    for name in (
        "train/policy_loss",
        "async/staleness_histogram",
        "async/parameter_distance",
        "eval/return_mean",
        "async/shard_env_steps",
    ):
        assert rows[0][name] == rows[1][name]


@pytest.mark.slow
@pytest.mark.parametrize(
    "overrides",
    [
        ("algo.max_staleness=2", "algo.above_max_staleness=drop", "algo.correction=delay_compensation"),
        ("algo.pull_every=2", "algo.shared_statistics=false", "algo.correction=learning_rate"),
        ("algo.entropy_coef=[0,0.1,0.3,1]",),
    ],
    ids=["dropping", "rare pulls", "own bonuses"],
)
def test_a_replay_follows_every_setting(run, overrides):
    real = run("algo.runtime=threads", *overrides, at="real")
    again = run("algo.runtime=replay", f"algo.events={real}", *overrides, at="again")
    assert summary(again)["params_digest"] == summary(real)["params_digest"]


def test_the_log_tells_who_read_what(run):
    """Versions count the pushes; a shard reads what it pulled after its push before."""
    lines = log(run("algo.runtime=threads"))
    pushes = [line for line in lines if line["event"] == "push"]
    assert [line["push"] for line in pushes] == list(range(1, 41))
    assert [line["version"] for line in pushes] == list(range(1, 41))
    assert all(line["seconds"] == round(line["seconds"], 6) for line in lines)  # whole microseconds keep lines short
    pulled = dict.fromkeys(range(4), 0)
    for line in lines:
        if line["event"] == "push":
            assert line["read"] == pulled[line["shard"]]
        else:
            pulled[line["shard"]] = line["version"]


def test_staleness_is_measured_from_versions(run):
    directory = run("algo.runtime=threads")
    counts = np.sum([np.bincount(ages(row), minlength=60) for row in run_directory.rows(directory)], axis=0)
    expected = np.bincount([x["version"] - 1 - x["read"] for x in log(directory) if x["event"] == "push"], minlength=60)
    np.testing.assert_array_equal(counts, expected)
    row = run_directory.rows(directory)[-1]
    assert 0 <= row["time/idle_share"] < 1 and 0 <= row["time/contention"] <= 1
    assert sum(sum(row["async/shard_env_steps"]) for row in run_directory.rows(directory)) == 320


def test_calls_that_are_lost_are_told_and_a_replay_passes_over_them(run, monkeypatch):
    """As learners in other processes tell of them: of shard 3 every call is lost once, with learner 1 of 2."""
    gradient = learners.Local.gradient

    def told(self, number, params, actor):
        place = learners.Place(number % 2, f"node{number % 2}")
        lost = (learners.Lost(place, time.perf_counter(), 0.25),) if number == 3 else ()
        return gradient(self, number, params, actor)._replace(place=place, lost=lost)

    with monkeypatch.context() as patched:
        patched.setattr(learners.Local, "gradient", told)
        patched.setattr(learners.Local, "count", 2)
        real = run("algo.runtime=threads", at="real")
    lines = log(real)
    for number, line in enumerate(lines):
        if line["event"] == "lost":
            after = lines[number + 1]
            assert [line[name] for name in ("shard", "learner", "host", "after")] == [3, 1, "node1", 0.25]
            assert after["event"] == "push" and after["push"] == line["push"] and after["shard"] == 3
            assert 0 < line["seconds"] <= after["seconds"]
    pushes = [line for line in lines if line["event"] == "push"]
    assert all((line["learner"], line["host"]) == (line["shard"] % 2, f"node{line['shard'] % 2}") for line in pushes)
    rows = run_directory.rows(real)
    assert sum(row["async/calls_lost"] for row in rows) == sum(line["shard"] == 3 for line in pushes) > 0
    told = np.sum([row["async/learner_pushes"] for row in rows], axis=0).tolist()
    assert told == [sum(line["learner"] == number for line in pushes) for number in range(2)]
    again = run("algo.runtime=replay", f"algo.events={real}", at="again")
    assert summary(again)["params_digest"] == summary(real)["params_digest"]
    assert "async/calls_lost" not in run_directory.rows(again)[-1]


def ages(row):
    return np.repeat(np.arange(len(row["async/staleness_histogram"])), row["async/staleness_histogram"])


@pytest.mark.slow
def test_one_thread_is_a3c_with_one_shard(run):
    """The same mathematics in other compiled programs: equal up to rounding."""
    runtimes = (("algo.runtime=compiled",), ("algo.runtime=threads",), ("algo.runtime=threads", "algo.lock=false"))
    rows = []
    for number, runtime in enumerate(runtimes):
        directory = run("algo.num_shards=1", *runtime, at=str(number))
        row = run_directory.rows(directory)[-1]
        rows.append(
            [
                row["train/value_mean"],
                row["train/policy_loss"],
                row["train/entropy"],
                row["train/gradient_norm"],
                row["train/learning_rate"],
            ]
        )
    np.testing.assert_allclose(rows[1], rows[0], rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(rows[2], rows[0], rtol=1e-3, atol=1e-6)


def test_without_a_lock_nothing_is_lost_but_order(session):
    built, numbers, state = session("algo.lock=false")
    state, report = built.chunk(numbers, state, 50)
    assert state.server.version == state.server.arrivals == 200
    assert int(report.asynchrony.staleness.sum()) == 200
    assert bool(report.finite)


def test_without_a_lock_the_account_is_of_what_happened(small_spec):
    """Two shards apply what they computed at version 0, then both are settled: neither gradient was too old."""
    bound = ("algo.max_staleness=0", "algo.above_max_staleness=drop")
    spec = small_spec(*THREADS, "algo.num_shards=2", "algo.lock=false", *bound)
    init, layout = program.compile_init(a3c.init, spec, program.key_shape())
    server = hogwild.Hogwild(calls.compile_programs(spec, layout), spec, init(spec, program.keys(0)[0]))
    computed = [server.compute(each) for each in server.shards]
    arrivals = [server.apply(each, mine.gradient) for each, mine in zip(server.shards, computed, strict=True)]
    assert all(arrival.steps.gradient_norm > 0 for arrival in arrivals)
    for each, mine, arrival in zip(server.shards, computed, arrivals, strict=True):
        cut = server.settle(each, mine, arrival, 0.0)
    assert [(each.staleness, each.dropped) for each in cut.arrived] == [(0, False)] * 2
    assert server.version == 2


def test_a_slow_shard_slows_nobody_else(session, monkeypatch):
    """It computes until all others have come several times, or for a minute if they wait for it."""
    compute, others_came = host.Host.compute, threading.Event()

    def slowly(self, shard):
        if shard.number == 0:
            others_came.wait(60)
        return compute(self, shard)

    monkeypatch.setattr(host.Host, "compute", slowly)
    built, numbers, state = session()
    pushes = np.zeros(4, int)
    while pushes[1:].min() <= 3:
        state, report = built.chunk(numbers, state, 5)
        pushes += np.asarray(report.asynchrony.shard_pushes)
    others_came.set()
    assert pushes[0] == 0
    while pushes[0] == 0:
        state, report = built.chunk(numbers, state, 5)
        pushes += np.asarray(report.asynchrony.shard_pushes)
    assert state.server.arrivals == pushes.sum()


def test_a_thread_that_dies_ends_the_run_with_its_own_error(run, run_dir, monkeypatch):
    compute, calls = host.Host.compute, []

    def fail(self, shard):
        calls.append(shard.number)
        if len(calls) > 20:
            raise ArithmeticError("a shard fell ill")
        return compute(self, shard)

    monkeypatch.setattr(host.Host, "compute", fail)
    before = threading.active_count()
    with pytest.raises(ArithmeticError, match="a shard fell ill"):
        run("algo.runtime=threads", "checkpoint.every=32")
    assert checkpoint.read(checkpoint.newest(run_dir / "a" / "checkpoints")).updates >= 1
    assert threading.active_count() <= before
    monkeypatch.undo()
    assert summary(run(f"resume={run_dir / 'a'}", "algo.runtime=threads"))["env_steps"] == 320


def test_a_run_goes_on_after_a_stop(run):
    directory = run("algo.runtime=threads", "stop_after_updates=4")
    assert summary(directory)["status"] == "interrupted"
    run("algo.runtime=threads", f"resume={directory}")
    assert summary(directory)["env_steps"] == 320
    pushes = [line["push"] for line in log(directory) if line["event"] == "push"]
    assert pushes == list(range(1, 41))
    again = run("algo.runtime=replay", f"algo.events={directory}", at="again")
    assert summary(again)["params_digest"] == summary(directory)["params_digest"]


def test_shards_use_all_devices(session):
    built, numbers, state = session()
    built.chunk(numbers, state, 1)
    assert len(jax.local_devices()) == 4


def push(**changes):
    return (
        json.dumps({"event": "push", "push": 1, "shard": 0, "read": 0, "seconds": 0, "locked": True, **changes}) + "\n"
    )


@pytest.mark.parametrize(
    "content, expected",
    [
        (None, "cannot be read"),
        ("", "damaged"),
        ("no json\n", "damaged"),
        ('{"event": "push", "push": 1}\n', "damaged"),
        (push(push=2), "damaged"),
        (push(locked=False), r"algo\.lock=false"),
        (push(), r"ends after 1 pushes, and total_env_steps=320 needs 40; lower it to 0"),
    ],
)
def test_a_log_that_does_not_fit_is_refused_at_once(small_config, tmp_path, content, expected):
    path = tmp_path / "events.jsonl"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError, match=expected):
        events.check(small_config(*THREADS[:2], "algo.runtime=replay", f"algo.events={path}"))


def test_a_log_of_another_run_is_refused(run, small_config, tmp_path):
    log = run("algo.runtime=threads") / "events.jsonl"
    replay = (*THREADS[:2], "algo.runtime=replay")
    events.check(small_config(*replay, f"algo.events={log}", "logger.every=1", "seed=0"))
    with pytest.raises(ConfigError, match=r"algo\.discount=0\.5 disagrees with the run that wrote"):
        events.check(small_config(*replay, f"algo.events={log}", "algo.discount=0.5"))
    alone = tmp_path / "alone.jsonl"
    alone.write_text(log.read_text())
    with pytest.raises(ConfigError, match="does not fit at push"):
        run("algo.runtime=replay", f"algo.events={alone}", "algo.pull_every=3", at="b")


def test_a_log_is_cut_where_the_checkpoint_is(tmp_path):
    path = tmp_path / "events.jsonl"
    events.append(path, [{"event": "push", "push": 1}, {"event": "pull", "push": 1}, {"event": "push", "push": 2}])
    events.truncate(path, 1)
    assert len(path.read_text().splitlines()) == 2
    events.truncate(tmp_path / "none", 1)
    with path.open("a") as file:
        file.write('{"event": "pu')  # as after kill -9
    events.truncate(path, 1)
    assert len(path.read_text().splitlines()) == 2
