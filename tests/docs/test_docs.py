"""What the documentation says can be done, and what it says there is."""

import ast
import importlib.util
import re

import numpy as np
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

import jaxac
from jaxac import names
from jaxac.algos.realtime.arrivals import Arrivals, by_learner
from jaxac.config import suites
from jaxac.config.compose import make_config
from jaxac.config.schema import Config
from jaxac.loggers import rows
from jaxac.reports import Asynchrony, Lag, Metrics, Steps, Waiting
from jaxac.storage import events, run_directory
from tests.docs.pages import PAGES, ROOT, code, commands, name, tables
from tests.whole_runs import train

COMMANDS = [(name(page), words) for page in PAGES for words in commands(page)]
TRAINED = [words[1:] for _, words in COMMANDS if words[0] == "jaxac.train"]
FILE = re.compile(r"`((?:jaxac|conf|docs|experiments|tests)/[\w./-]+)`")
PLACEHOLDER = re.compile(r"/[A-Z]+\.\w+$")
RUNS = ROOT / "docs" / "guide" / "runs.md"
LINK = re.compile(r"\]\(([^)#\s:]+)(?:#[^)\s]*)?\)")


def settings(words):
    """The overrides of a command; of a sweep those of its first job. Hydra's own settings are left out."""
    for word in words:
        if "=" not in word or word.lstrip("+").startswith("hydra"):
            continue
        parsed = OverridesParser.create().parse_override(word)
        yield f"{parsed.input_line.split('=')[0]}={first(parsed)}" if parsed.is_sweep_override() else word


def first(override):
    """The first value of a sweep, or the start of an interval."""
    if override.is_interval_sweep():
        return override.value().start
    return next(override.sweep_string_iterator())


def test_the_readme_fits_three_screens():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 200


def test_the_readme_starts_with_the_two_commands():
    shown = re.findall(r"^pip install.*$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert shown[:2] == [
        "pip install -e . && python -m jaxac.train +algo=a2c env.num_envs=4096",
        'pip install -e ".[test]" && python -m pytest',
    ]


@pytest.mark.parametrize("words", [words for words in TRAINED if not words[0].startswith("resume=")], ids=" ".join)
def test_every_command_that_trains_composes(words, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "docs" / "skeletons")
    monkeypatch.setattr(suites, "is_installed", lambda suite: True)
    assert isinstance(make_config(*settings(words)), Config)


@pytest.mark.parametrize("words", [words for words in TRAINED if words[0].startswith("resume=")], ids=" ".join)
def test_a_command_that_resumes_names_a_directory_of_runs_or_sweeps(words):
    assert re.fullmatch(r"resume=(outputs|multirun)/\S+", words[0])
    assert all("=" in word for word in words)


@pytest.mark.parametrize("module", sorted({words[0] for _, words in COMMANDS}))
def test_every_module_that_a_command_runs_is_there(module):
    assert importlib.util.find_spec(module) is not None


def test_there_are_commands_to_check():
    assert len(TRAINED) > 30


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_file_that_a_page_names_is_there(page):
    text = page.read_text()
    named = {ROOT / PLACEHOLDER.sub("", path) for path in FILE.findall(text)}
    linked = {page.parent / path for path in LINK.findall(text)}
    assert [path for path in named | linked if not path.exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_code_in_a_page_is_python(page):
    for block in code(page):
        ast.parse(block)


def explained(heading):
    """The names in the first column of the tables under a heading of the page on runs."""
    return set(re.findall(r"`([\w/]+)`", " ".join(row[0] for row in tables(RUNS)[heading])))


def test_every_metric_is_explained():
    asynchrony = Asynchrony(np.ones(3), np.int32(0), np.int32(0), np.ones(2), np.int32(1))
    of_a_loop = {names.ENV_STEPS, names.UPDATES, names.SECONDS, names.SPS}
    of_a_loop |= {names.EPISODES, names.EPISODE_RETURN, names.EPISODE_LENGTH, names.BEST_RETURN, names.BEST_ENV_STEPS}
    columns = {f"train/{name}" for name in {*Metrics._fields, *Steps._fields[1:], "NAME_loss"} - {"loss_terms"}}
    columns |= {f"async/{name}" for name in Lag._fields} | {f"time/{name}" for name in Waiting._fields}
    nobody = Arrivals(*[np.zeros(0, int)] * len(Arrivals._fields))
    columns |= {f"async/{name}" for name in by_learner(nobody, 2)}
    columns |= {*names.EVALUATION, *rows.asynchrony_row(asynchrony, 1, 1.0)}
    assert explained("Metrics") == columns | of_a_loop


def test_what_a_summary_holds_is_explained(small_config, run_dir):
    train(small_config("logger.curve=false", "logger.gif=false", "logger.console=false"), run_dir)
    found = run_directory.read_summary(run_dir)
    assert set(found) <= explained("Metrics") | explained("The summary")
    with_ray = events.learners(small_config("+algo=a3c", "algo.num_shards=2", "algo.runtime=ray").algo, run_dir, 0)
    assert explained("The summary") <= set(found) | set(with_ray)


def test_the_map_in_the_readme_has_every_package():
    packages = {f"jaxac/{path.parent.name}/" for path in (ROOT / "jaxac").glob("*/__init__.py")}
    assert packages == set(re.findall(r"^(jaxac/\w+/) ", (ROOT / "README.md").read_text(), re.MULTILINE))


def test_every_name_of_the_library_is_in_the_reference():
    shown = re.findall(r"^::: jaxac\.(?:api\.)?(\w+)$", (ROOT / "docs" / "api" / "index.md").read_text(), re.MULTILINE)
    assert sorted(shown) == sorted(jaxac.__all__)


def test_every_setting_of_conf_is_on_the_page_of_settings():
    shown = set(re.findall(r'--8<-- "(conf/.*?)"', (ROOT / "docs" / "settings.md").read_text()))
    assert shown == {path.relative_to(ROOT).as_posix() for path in (ROOT / "conf").rglob("*.yaml")}
