import shutil
from pathlib import Path

import pytest

from experiments import common, mutants, mutations
from experiments.mutations import Mutant

RETURN = "return delta + decay * advantage"
KNOWN = Mutant("returns", "accumulate", "ReplaceBinaryOperator_Add_Sub", 0, RETURN, RETURN.replace("+", "-"))
LAYOUTS = {"returns.py": ("returns",), "agent.py": ("actor_critic", "objective", "bootstrap")}


@pytest.fixture
def flat(tmp_path):
    """The agent as it once lay: two files beside each other."""
    (tmp_path / "jaxac").mkdir()
    for name, parts in LAYOUTS.items():
        texts = [(mutants.ROOT / "jaxac" / "agent" / f"{part}.py").read_text() for part in parts]
        (tmp_path / "jaxac" / name).write_text("\n".join(texts))
    return tmp_path


def test_the_same_mutants_are_picked_again_and_found_in_another_layout(flat):
    picked = mutations.pick(flat, mutants.ROOT)
    assert picked == mutations.pick(flat, mutants.ROOT)
    counts = {role: sum(mutant.role == role for mutant in picked) for role in ("returns", "actor_critic")}
    assert counts == {role: mutations.ROLES[role][0] for role in counts}
    for mutant in picked:
        for tree in (flat, mutants.ROOT):
            path, code = mutations.find(tree, mutant)
            lines = zip(path.read_text().splitlines(), code.splitlines(), strict=True)
            changed = [(before.strip(), after.strip()) for before, after in lines if before != after]
            assert changed == [(mutant.before, mutant.after)]


def test_a_function_that_moved_or_took_another_name_is_found_by_its_line(flat):
    (flat / "jaxac" / "returns.py").rename(flat / "jaxac" / "estimators.py")
    path, code = mutations.find(flat, KNOWN._replace(function="gather"))
    assert path.name == "estimators.py" and KNOWN.after in code
    assert mutations.find(flat, KNOWN._replace(before=f"{RETURN} * 2")) is None


def test_the_list_is_of_this_program():
    """Each mutant has one change, and of sixty at least the line is still there."""
    listed = [mutants.forms(record) for record in common.load("mutants")["mutants"]]
    assert len({forms[0] for forms in listed}) == len(listed)
    assert {forms[0].role for forms in listed} == set(mutations.ROLES)
    assert sum(any(mutations.find(mutants.ROOT, form) for form in forms) for forms in listed) >= 60


def test_annotations_defaults_and_assertions_are_left_alone():
    source = "X: int | None = 1 + 1\n\ndef f(a: int | str = 1 + 2) -> int | None:\n    assert a + 1\n    return a + 3\n"
    found = [(place.function, place.before) for place in mutations.places(source, "ReplaceBinaryOperator_Add_Sub")]
    assert found == [("", "X: int | None = 1 + 1"), ("f", "return a + 3")]
    assert not list(mutations.places(source, "ReplaceBinaryOperator_BitOr_BitAnd"))


PROGRAM = {
    "jaxac/__init__.py": "",
    "jaxac/returns.py": """
def add(a, b):
    return a + b

def untested(a):
    return a - 1

def count(n):
    while n > 0:
        n = n - 1
    return n

def status():
    return False
""",
    "jaxac/agent.py": "def of(a):\n    return a - 2\n",
    "tests/test_returns.py": """
import os
from jaxac import returns

def test_it_adds():
    assert returns.add(2, 1) == 3

def test_it_counts():
    assert returns.count(3) == 0

def test_its_status():
    if returns.status():
        os.abort()
""",
    "tests/test_agent.py": "def test_nothing_passes():\n    assert False\n",
}
FATES = {
    ("returns", "add", "return a + b", "return a - b"): "tests/test_returns.py::test_it_adds",
    ("returns", "untested", "return a - 1", "return a + 1"): mutants.SURVIVED,
    ("returns", "count", "n = n - 1", "n = n + 1"): mutants.HANGS,
    ("returns", "status", "return False", "return True"): mutants.CRASHES,
    ("returns", "add", "return a + c", "return a - c"): mutants.GONE,
    ("actor_critic", "of", "return a - 2", "return a + 2"): f"{mutants.VOID}tests/test_agent.py::test_nothing_passes",
}


@pytest.mark.slow
def test_every_fate_is_told(tmp_path, monkeypatch):
    for name, text in PROGRAM.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(mutants, "WORK", tmp_path / "work")
    monkeypatch.setattr(mutants, "TEST_SECONDS", 3)
    monkeypatch.setitem(mutations.ROLES, "returns", (1, "returns", "returns"))
    (tmp_path / "work").mkdir()
    records = []
    for role, function, before, after in FATES:
        sign = "ReplaceFalseWithTrue" if "False" in before else "ReplaceBinaryOperator_Sub_Add"
        operator = "ReplaceBinaryOperator_Add_Sub" if "+" in before else sign
        records.append({**Mutant(role, function, operator, 0, before, after)._asdict(), "results": {}})
    mutants.campaign(tmp_path, "mine", records, lambda: None)
    assert [record["results"]["mine"] for record in records] == list(FATES.values())
    assert mutants.sum_up(records, "mine") == 1
    assert (tmp_path / "jaxac" / "returns.py").read_text() == PROGRAM["jaxac/returns.py"]


@pytest.mark.slow
def test_a_wrong_sign_in_the_returns_is_noticed(tmp_path, monkeypatch):
    for name in ("jaxac", "conf", "tests", "experiments"):
        shutil.copytree(mutants.ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(mutants.ROOT / "pyproject.toml", tmp_path)
    monkeypatch.setattr(mutants, "WORK", Path(tmp_path, "work"))
    mutants.WORK.mkdir()
    assert "test_returns.py::test_matches_the_sum_written_out" in mutants.judge(tmp_path, [KNOWN])
