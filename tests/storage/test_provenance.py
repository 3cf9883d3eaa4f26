"""Where a run says that it comes from."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from jaxac.storage import provenance

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="no git")


@pytest.fixture
def describe(monkeypatch):
    """``describe(directory)``: as of a process that was started there."""

    def of(directory):
        monkeypatch.chdir(directory)
        return provenance.describe.__wrapped__()

    return of


def git(directory, *arguments):
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", "-C", directory, *identity, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path):
    git(tmp_path, "init", "-q")
    (tmp_path / "own.py").write_text("a = 1\n")
    git(tmp_path, "add", "own.py")
    git(tmp_path, "commit", "-qm", "first")
    return tmp_path


def test_the_commit_of_the_working_directory_and_whether_it_was_changed(describe, repository):
    commit = git(repository, "rev-parse", "HEAD")
    (repository / "outputs").mkdir()
    (repository / "outputs" / "metrics.jsonl").write_text("")
    assert describe(repository / "outputs")["git"]["working_directory"] == {"commit": commit, "dirty": False}
    (repository / "own.py").write_text("a = 2\n")
    assert describe(repository)["git"]["working_directory"] == {"commit": commit, "dirty": True}


def test_outside_a_repository_there_is_none_and_no_error(describe, tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert "working_directory" not in describe(tmp_path)["git"]


def test_without_git_there_is_none_and_no_error(describe, repository, monkeypatch):
    monkeypatch.setenv("PATH", str(repository / "nowhere"))
    assert describe(repository)["git"] == {}


def test_a_repository_without_a_commit(describe, tmp_path):
    git(tmp_path, "init", "-q")
    assert "working_directory" not in describe(tmp_path)["git"]


def test_code_in_a_repository_that_does_not_track_it_has_no_commit(describe, repository, monkeypatch):
    """As of a virtual environment inside somebody's repository."""
    installed = repository / "venv" / "jaxac" / "storage"
    installed.mkdir(parents=True)
    (installed.parent / "__init__.py").write_text("")
    monkeypatch.setattr(provenance, "__file__", str(installed / "provenance.py"))
    assert "jaxac" not in describe(repository)["git"]


def test_the_command_and_the_host(describe, tmp_path):
    code = "import json; from jaxac.storage import provenance; print(json.dumps(provenance.describe()))"
    root = Path(provenance.__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code, "seed=3"], capture_output=True, text=True, check=True, cwd=root)
    assert "seed=3" in done.stdout and '"hostname": "' in done.stdout
