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


def test_of_a_log_alone_nothing_is_known(tmp_path):
    (tmp_path / run_directory.EVENTS).touch()
    algo = make_config("+algo=a3c", "algo.runtime=replay", f"algo.events={tmp_path / 'events.jsonl'}").algo
    assert events.xla_threads(algo) is None
    assert events.xla_threads(make_config("+algo=a2c").algo) is None
