import pytest

from jaxac import envs
from jaxac.errors import ConfigError
from tests import own_parts, probe_envs

BAD = {
    "NeedsArguments": "cannot be made: TypeError: .*'size'",
    "Continuous": "has continuous actions",
    "NoModule": "cannot be made: AttributeError: .*; give a gymnax environment",
    "NoSuchClass": "cannot be imported",
}


@pytest.mark.parametrize("name, expected", BAD.items())
def test_one_that_cannot_work_is_told(name, expected):
    with pytest.raises(ConfigError, match=f"^env.name=tests.own_parts:{name} {expected}") as error:
        envs.make(f"tests.own_parts:{name}")
    assert "\n" not in str(error.value)


def test_it_is_made_once():
    """A second instance would be compiled again."""
    assert envs.make("tests.probe_envs:Endless").step is envs.make("tests.probe_envs:Endless").step


def test_a_new_class_under_an_old_name_is_another_environment(monkeypatch):
    """As in a notebook, whose cells are run again."""
    monkeypatch.setattr(own_parts, "Own", probe_envs.ConstantReward, raising=False)
    one = envs.make("tests.own_parts:Own")
    monkeypatch.setattr(own_parts, "Own", type("Own", (probe_envs.ConstantReward,), {"num_actions": 3}))
    assert (one.num_actions, envs.make("tests.own_parts:Own").num_actions) == (2, 3)
