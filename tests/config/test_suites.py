"""What is answered of other suites before one of them is imported."""

import re
import tomllib
from pathlib import Path

import pytest

from jaxac.config import suites
from jaxac.config.compose import make_config
from jaxac.errors import ConfigError


@pytest.fixture
def installed(monkeypatch):
    monkeypatch.setattr(suites, "is_installed", lambda suite: True)


@pytest.mark.parametrize("suite", suites.SUITES)
def test_a_suite_that_is_not_installed_is_told_with_the_command_that_does(suite, monkeypatch):
    monkeypatch.setattr(suites.importlib.util, "find_spec", lambda name: None)
    monkeypatch.delitem(suites.sys.modules, suites.SUITES[suite].package, raising=False)
    with pytest.raises(ConfigError) as error:
        make_config("+algo=a2c", f"env.name={suite}::any")
    expected = f"env.name={suite}::any needs a suite that is not installed; pip install 'jaxac[{suite}]'."
    assert str(error.value) == expected


@pytest.mark.parametrize("suite", suites.SUITES)
def test_a_suites_extra_is_the_distribution_of_its_name(suite):
    """By that name its version is looked up for ``summary.json``."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert [re.match(r"[\w-]+", each)[0] for each in project["optional-dependencies"][suite]] == [suite]


BAD = {
    ("env.name=brx::ant",): r"^env.name=brx::ant is of a suite that jaxac does not know; did you mean brax::…\?",
    ("env.name=::ant",): "^env.name=::ant is of a suite that jaxac does not know; there are brax::ant, craftax::",
    ("env.name=brax::ant", "+env.params.gravity=3"): "is not a parameter of brax::ant; it has: max_steps_in_episode",
    (
        "env.name=brax::ant",
        "+env.params.max_steps_in_episode=0",
    ): "max_steps_in_episode=0 is not valid: give at least 1",
    ("env.name=brax::ant", "+env.params.max_steps_in_episode=1.5"): "=1.5 is not valid: give a whole number",
    ("env.name=brax::ant", "algo.kernel=fused"): "of another suite, and algo.kernel=fused knows only gymnax's",
}


@pytest.mark.parametrize("overrides, expected", BAD.items())
def test_what_cannot_work_is_told(installed, overrides, expected):
    with pytest.raises(ConfigError, match=expected):
        make_config("+algo=a2c", *overrides)


def test_the_limit_is_a_number_of_the_configuration(installed):
    config = make_config("+algo=a2c", "env.name=brax::ant", "env.params.max_steps_in_episode=2e2")
    assert config.env.params == {"max_steps_in_episode": 200}
    assert config.own_parts == {} and config.has_foreign_parts
