"""What a replay takes from the run that wrote its log."""

import json

import pytest

from jaxac.config.compose import make_config
from jaxac.errors import ConfigError
from jaxac.storage import events, run_directory


@pytest.fixture
def replayed(tmp_path):
    """``replayed(runtime, summary)``: XLA's threads in a replay of a run that left this."""

    def threads(runtime, summary):
        config = make_config("+algo=a3c", f"algo.runtime={runtime}")
        run_directory.open_run(config, tmp_path, [])
        if summary is not None:
            (tmp_path / run_directory.SUMMARY).write_text(json.dumps(summary))
        return events.xla_threads(make_config("+algo=a3c", "algo.runtime=replay", f"algo.events={tmp_path}").algo)

    return threads


@pytest.mark.parametrize("runtime, of_its_own", [("threads", None), ("ray", 1)])
def test_a_replay_has_as_many_of_xlas_threads_as_its_run(replayed, runtime, of_its_own):
    assert events.xla_threads(make_config("+algo=a3c", f"algo.runtime={runtime}").algo) == of_its_own
    assert replayed(runtime, {"xla_threads": 4}) == 4


@pytest.mark.parametrize("summary", [None, {}, {"xla_threads": "many"}])
@pytest.mark.parametrize("runtime, expected", [("threads", None), ("ray", 1)])
def test_where_the_summary_does_not_say_it_is_the_runtimes(replayed, runtime, expected, summary):
    assert replayed(runtime, summary) == expected


@pytest.fixture
def bound_of_a_replay(tmp_path):
    """``bound_of_a_replay(run, *own)``: the bound on staleness of a replay with its own settings of such a run."""

    def bound(run, *own):
        run_directory.open_run(make_config("+algo=a3c", "algo.num_shards=4", *run), tmp_path, [])
        (tmp_path / run_directory.EVENTS).touch()
        line = ("+algo=a3c", "algo.num_shards=4", "algo.runtime=replay", f"algo.events={tmp_path}", *own)
        algo = events.bounded(make_config(*line)).algo
        return algo.max_staleness, algo.above_max_staleness

    return bound


DROP = "algo.above_max_staleness=drop"


@pytest.mark.parametrize(
    "run, expected",
    [
        (("algo.runtime=ray",), (64, "drop")),
        (("algo.runtime=ray", "algo.max_staleness=3", DROP), (3, "drop")),
        (("algo.runtime=threads",), (None, "wait")),
        (("algo.runtime=threads", "algo.max_staleness=5", DROP), (5, "drop")),
    ],
)
def test_a_replay_that_says_nothing_has_the_bound_of_its_run(bound_of_a_replay, run, expected):
    assert bound_of_a_replay(run) == expected


def test_a_replay_may_say_the_bound_itself(bound_of_a_replay):
    assert bound_of_a_replay(("algo.runtime=ray",), "algo.max_staleness=7", DROP) == (7, "drop")


def test_a_replay_may_leave_out_the_bound_and_not_give_another(tmp_path):
    small = ("+algo=a3c", "algo.num_shards=2", "env.num_envs=2", "algo.unroll_length=1", "total_env_steps=2")
    run_directory.open_run(make_config(*small, "algo.runtime=ray"), tmp_path, [])
    pushes = [{"event": "push", "push": 1 + number, "shard": number, "read": 0, "locked": True} for number in range(2)]
    (tmp_path / run_directory.EVENTS).write_text("".join(json.dumps(event) + "\n" for event in pushes))
    replay = (*small, "algo.runtime=replay", f"algo.events={tmp_path}")
    events.check(make_config(*replay))
    events.check(make_config(*replay, "algo.max_staleness=32", DROP))
    with pytest.raises(ConfigError, match=r"algo\.max_staleness=7 disagrees .* algo\.max_staleness=32"):
        events.check(make_config(*replay, "algo.max_staleness=7", DROP))


def test_a_run_with_ray_that_knew_no_default_is_replayed_without_a_bound(bound_of_a_replay, tmp_path):
    bound_of_a_replay(("algo.runtime=ray",))
    path = tmp_path / run_directory.CONFIG
    path.write_text(path.read_text().replace("max_staleness: 64", "max_staleness: null"))
    line = ("+algo=a3c", "algo.num_shards=4", "algo.runtime=replay", f"algo.events={tmp_path}")
    assert events.bounded(make_config(*line)).algo.max_staleness is None
    path.write_text("{")
    assert events.bounded(make_config(*line)).algo.max_staleness is None


PUSHES = [
    {"event": "push", "push": 1, "shard": 0, "version": 1, "read": 0, "dropped": False, "learner": 0, "host": "a"},
    {"event": "pull", "push": 1, "shard": 0, "version": 1},
    {"event": "lost", "push": 2, "shard": 1, "learner": 1, "host": "b", "seconds": 0.5, "after": 0.25},
    {"event": "push", "push": 2, "shard": 1, "version": 2, "read": 0, "dropped": False, "learner": 0, "host": "a"},
    {"event": "lost", "push": 3, "shard": 0, "learner": 1, "host": "b", "seconds": 0.6, "after": 0.5},
    {"event": "push", "push": 3, "shard": 0, "version": 2, "read": 0, "dropped": True, "learner": 1, "host": "c"},
    {"event": "push", "push": 4, "shard": 1, "version": 3, "read": 2, "dropped": False, "learner": 1, "host": "c"},
    {"event": "push", "push": 5, "shard": 1, "version": 4, "read": 3, "dropped": False, "learner": 7, "host": "c"},
]


def test_a_summary_tells_of_learners_and_of_what_was_lost_with_them(tmp_path):
    """Two updates of two shards; the fifth push is of a session that was lost."""
    algo = make_config("+algo=a3c", "algo.num_shards=2", "algo.runtime=ray").algo
    path = tmp_path / run_directory.EVENTS
    path.write_text("".join(json.dumps(event) + "\n" for event in PUSHES) + "damaged\n")
    names = ("learner", "host", "shards", "pushes", "staleness_mean", "calls_lost", "seconds_lost")
    assert [tuple(each[name] for name in names) for each in events.learners(algo, tmp_path, 2)["learners"]] == [
        (0, "a", [0, 1], 2, 0.5, 0, 0),
        (1, "b", [], 0, None, 2, 0.75),
        (1, "c", [0, 1], 2, 1.0, 0, 0),
    ]
    assert events.learners(algo, tmp_path / "nothing", 2) == {"learners": []}
    threads = make_config("+algo=a3c", "algo.runtime=threads").algo
    assert events.learners(algo, None, 2) == events.learners(threads, tmp_path, 2) == {}


def test_a_log_cut_after_a_push_keeps_what_was_lost_before_it(tmp_path):
    path = tmp_path / run_directory.EVENTS
    path.write_text("".join(json.dumps(event) + "\n" for event in PUSHES))
    assert events.truncate(path, 2) == 0
    assert [json.loads(line) for line in path.read_text().splitlines()] == PUSHES[:4]


def test_of_a_log_alone_nothing_is_known(tmp_path):
    (tmp_path / run_directory.EVENTS).touch()
    algo = make_config("+algo=a3c", "algo.runtime=replay", f"algo.events={tmp_path / 'events.jsonl'}").algo
    assert events.xla_threads(algo) is None
    assert events.xla_threads(make_config("+algo=a2c").algo) is None
