"""What a replay takes from the run that wrote its log."""

import json

import pytest

from jaxac.config.compose import make_config
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
