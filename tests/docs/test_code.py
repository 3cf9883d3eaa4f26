"""The Python that the documentation shows runs: the pages on the library, and the tutorial."""

import json
import re
import subprocess
import sys

import pytest

import jaxac
from tests.docs.pages import PAGES, ROOT, code, name
from tests.processes import environment

NOTEBOOK = ROOT / "docs" / "tutorial.ipynb"
SHORT = """
import jaxac
make_config = jaxac.make_config
short = ("total_env_steps=20_000", "evaluation.every=0", "evaluation.episodes=8")
jaxac.make_config = lambda *overrides, **settings: make_config(*overrides, *short, **settings)
"""
TAKEN_FOR_GIVEN = "observation, key = jax.numpy.zeros(4), jax.random.key(0)"


def run(program, directory):
    """Runs a program in ``directory`` as a user would, but without a display."""
    variables = environment(MPLBACKEND="Agg", PYTHONPATH=str(ROOT), WANDB_MODE="disabled")
    done = subprocess.run([sys.executable, "-c", program], cwd=directory, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def cells():
    return [cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == "code"]


@pytest.mark.slow
def test_the_pages_on_the_library_run(tmp_path):
    library, policies = ("\n".join(code(ROOT / "docs" / "guide" / page)) for page in ("library.md", "policies.md"))
    program = "\n".join([SHORT, library, TAKEN_FOR_GIVEN, policies])
    run(program, tmp_path)
    assert (tmp_path / "runs" / "a" / "weights" / "final.npz").exists()


@pytest.mark.slow
def test_the_tutorial_runs_and_replays_its_threads_bit_for_bit(tmp_path):
    printed = run("\n".join("".join(cell["source"]) for cell in cells()), tmp_path)
    digests = dict(re.findall(r"^(threads|replay) +([0-9a-f]{16}) ", printed, re.MULTILINE))
    assert digests["threads"] == digests["replay"]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_pages_use_names_that_the_library_has(page):
    used = {found for block in code(page) for found in re.findall(r"\bjaxac\.([A-Za-z_]\w*)", block)}
    packages = {path.stem for path in (ROOT / "jaxac").iterdir()}
    assert used <= {*jaxac.__all__, *packages}


def test_the_tutorial_shows_what_its_cells_print_and_draw():
    calls = re.compile(r"^(?:    )*(print|show)\(", re.MULTILINE)
    silent = [cell["source"] for cell in cells() if calls.search("".join(cell["source"])) and not cell["outputs"]]
    assert silent == []
    assert all(output["output_type"] != "error" for cell in cells() for output in cell["outputs"])


def test_the_tutorial_stays_small():
    assert NOTEBOOK.stat().st_size < 300_000
