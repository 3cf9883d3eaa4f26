"""A run that version 0.1.0 began, kept beside this file as it left it, goes on in every later version."""

import shutil
from pathlib import Path

import pytest

import jaxac
from jaxac.cli import overrides
from jaxac.config.compose import make_config
from jaxac.storage import run_directory
from tests.processes import CACHE
from tests.whole_runs import summary, train

KEPT = Path(__file__).with_name("version_0_1_0")


@pytest.fixture
def old(tmp_path):
    return shutil.copytree(KEPT, tmp_path / "run")


def test_it_is_of_that_version():
    assert summary(KEPT)["versions"]["jaxac"] == "0.1.0"
    assert "loss_terms" not in (KEPT / "config.yaml").read_text()


def test_it_is_resumed(old):
    before = run_directory.rows(old)
    given = [text for text in overrides.rewrite([f"resume={old}"]) if not text.startswith("hydra.")]
    train(make_config(*given, CACHE), old, given)
    found, rows = summary(old), run_directory.rows(old)
    assert (found["status"], found["updates"], found["run_id"]) == ("completed", 10, summary(KEPT)["run_id"])
    assert rows[:5] == before and [row["updates"] for row in rows] == list(range(1, 11))
    assert all(row["train/policy_loss"] is not None for row in rows)


def test_it_can_be_made_longer(old):
    given = [text for text in overrides.rewrite([f"resume={old}", "total_env_steps=192"]) if text[:6] != "hydra."]
    train(make_config(*given, CACHE), old, given)
    assert summary(old)["updates"] == 12


def test_its_policy_can_be_loaded(old):
    assert jaxac.load(old).evaluate(episodes=2).returns.shape == (2,)
