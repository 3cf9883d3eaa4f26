import importlib.util
import json
import random
import shutil
from collections import Counter

import pytest

from experiments import faults, hurts, many
from experiments import session as sessions
from experiments.hurts import FAULTS
from experiments.session import HungError, LostError, Session, WrongError
from experiments.subjects import SUBJECTS
from tests.run_directories import rows_of


def test_every_fault_befalls_every_run():
    pairs = [faults.plan(number) for number in range(len(SUBJECTS) * len(FAULTS))]
    assert len(set(pairs)) == len(pairs)
    assert faults.plan(len(pairs)) == pairs[0]


def test_of_runs_of_several_processes_every_fault_comes_three_times():
    found = Counter(faults.plan(number, several=True) for number in range(30))
    assert set(found) == set(many.FAULTS) and set(found.values()) == {3}
    assert {run for run, _ in found} == set(many.SUBJECTS)


def pushed(seconds, push, shard, learner, age, dropped=False):
    told = {"event": "push", "push": push, "shard": shard, "learner": learner, "seconds": seconds, "dropped": dropped}
    return {**told, "version": push, "read": push - age - (not dropped)}


def test_what_became_of_a_lost_call_is_read_off_the_log():
    """Asked at 10.0 and lost at 12.0 with learner 1; shard 0 goes on, and learner 1 is back at 18.5."""
    lost = {"event": "lost", "push": 4, "shard": 1, "learner": 1, "seconds": 12.0, "after": 2.0}
    events = [
        pushed(1.0, 1, 0, 0, 0),
        pushed(10.25, 2, 0, 0, 1),
        pushed(11.0, 3, 0, 0, 0),
        lost,
        pushed(12.5, 4, 1, 0, 7),
        pushed(12.75, 5, 0, 0, 40, dropped=True),
        pushed(18.5, 6, 1, 1, 0),
    ]
    assert many.after_a_loss(events) == {"calls_lost": 1, "unnoticed": 2.0, "gap": 1.75, "back": 8.5, "staleness": 7}
    assert many.after_a_loss(events[:-1])["back"] is None
    assert many.after_a_loss(events[:3]) == {"calls_lost": 0}


def test_a_process_that_ends_with_another_word_is_noticed():
    many._check_ends([(1, "jaxac: process 1 on a is lost: it has ended.\n")])
    for code, said in ((0, "jaxac: it is lost.\n"), (1, ""), (1, "Traceback\njaxac: it is lost.\n")):
        with pytest.raises(WrongError, match="exit code"):
            many._check_ends([(code, said)])


def test_a_fault_has_the_same_moment_again():
    assert [hurts.moment(7).random() for _ in range(2)] == [random.Random("jaxac 7").random()] * 2


@pytest.fixture
def session(tmp_path):
    """A session whose run has ended as the undisturbed one did."""
    for name in ("mine", "undisturbed"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "summary.json").write_text(json.dumps({"status": "completed", "params_digest": "a"}))
        lines = "".join(json.dumps(row) + "\n" for row in rows_of([20.0, 30.0, 40.0]))
        (tmp_path / name / "metrics.jsonl").write_text(lines)
    return Session(SUBJECTS["a2c"], tmp_path / "mine", tmp_path / "undisturbed", tmp_path / "programs")


def test_a_run_that_ends_as_the_undisturbed_one_is_no_finding(session):
    session.finish()
    assert session.commands == []


def test_another_digest_is_noticed(session):
    (session.directory / "summary.json").write_text(json.dumps({"status": "completed", "params_digest": "b"}))
    with pytest.raises(WrongError, match="digest"):
        session.finish()


def test_a_row_that_is_missing_is_noticed(session):
    path = session.directory / "metrics.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))
    with pytest.raises(WrongError, match="rows"):
        session.finish()
    session.damaged = path.name  # a damaged line may cost that line
    session.finish()
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:1]))
    with pytest.raises(WrongError, match="rows"):
        session.finish()


def test_a_run_that_says_nothing_on_how_to_go_on_is_lost(session, monkeypatch):
    (session.directory / "summary.json").unlink()
    monkeypatch.setattr(Session, "start", lambda *arguments: None)
    monkeypatch.setattr(Session, "wait", lambda *arguments: (1, "jaxac: it is broken.\n"))
    with pytest.raises(LostError, match="it is broken"):
        session.finish()


def test_a_process_that_does_not_end_hangs(session, monkeypatch):
    monkeypatch.setattr(sessions, "PATIENCE", 0.0)
    with pytest.raises(HungError):
        session.wait(session.start(["--help"]), ["--help"])


@pytest.mark.slow
def test_six_faults_lose_nothing(tmp_path):
    """Each fault that is not like another, on the run that is made fastest."""
    numbers = [number for number in range(30) if faults.plan(number)[0] == "a2c"]
    records = faults.campaign(numbers, tmp_path / "work", tmp_path)
    assert len({record["fault"] for record in records}) == 6
    assert [(record["outcome"], record.get("why"), "tracebacks" in record) for record in records] == [
        ("survived", None, False)
    ] * 6
    shutil.rmtree(tmp_path / "work")
    assert faults.campaign(numbers, tmp_path / "work", tmp_path) == records  # of which none is examined again


RAY = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="needs pip install 'jaxac[ray]'")


@pytest.mark.slow
@pytest.mark.parametrize(
    "number, fault", [(1, "follower kill -9"), pytest.param(6, "kill -9", marks=RAY)], ids=["hosts", "ray"]
)
def test_a_run_of_several_processes_that_is_killed_ends_as_one_that_nobody_disturbs(number, fault, tmp_path):
    """Of a run with Ray the replay of all its sessions says how it ought to end."""
    (record,) = faults.campaign([number], tmp_path / "work", tmp_path, several=True)
    assert (record["fault"], record["outcome"], record.get("why")) == (fault, "survived", None)
    assert "tracebacks" not in record and record.get("seen", {}).get("others_ended", 0) < 30
