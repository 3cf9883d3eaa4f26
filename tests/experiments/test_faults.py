import json
import random
import shutil

import pytest

from experiments import faults, hurts
from experiments import session as sessions
from experiments.hurts import FAULTS
from experiments.session import HungError, LostError, Session, WrongError
from experiments.subjects import SUBJECTS
from tests.run_directories import rows_of


def test_every_fault_befalls_every_run():
    pairs = [faults.plan(number) for number in range(len(SUBJECTS) * len(FAULTS))]
    assert len(set(pairs)) == len(pairs)
    assert faults.plan(len(pairs)) == pairs[0]


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
