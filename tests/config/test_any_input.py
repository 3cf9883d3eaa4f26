"""Whatever a configuration is read from, the check of it ends in a configuration or in one sentence."""

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxac.config import validation
from jaxac.config.compose import make_config
from jaxac.errors import ConfigError
from jaxac.storage import run_directory

RAW = {name: run_directory.as_dict(make_config(f"+algo={name}")) for name in ("a2c", "a3c")}
NASTY = (
    None, True, False, 0, -1, 3, 10**400, -(10**400), 10**25, 2**31, 2**32, 2**53 + 1, 0.5, 1e-60, 1e39, 1e300,
    float("nan"), float("inf"), float("-inf"), "", "x", "1e400", "nan", "9" * 5000, "a:b", ":", "CartPole-v1", "a2c",
    "${x}", "\0", "\n", "\ud800", "os:path", "a" * 5000, "1_0", "true",
)  # fmt: skip
"""Values at which checks of other kinds of values may fail."""
SCALARS = st.one_of(st.sampled_from(NASTY), st.booleans(), st.integers(), st.floats(), st.text(max_size=8))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


def paths(tree, before=()):
    for name, value in tree.items():
        yield (*before, name)
        if isinstance(value, dict):
            yield from paths(value, (*before, name))


@pytest.mark.parametrize("algo", RAW)
def test_every_setting_is_checked_for_every_kind_of_value(algo):
    for *above, name in paths(RAW[algo]):
        for value in (*NASTY, *([each] for each in NASTY), {}, {"a": 1}, {"name": None}):
            raw = copy.deepcopy(RAW[algo])
            section = raw
            for each in above:
                section = section[each]
            section[name] = value
            assert said_of(raw).isprintable()


def said_of(raw):
    """The sentence on a configuration; empty if nothing is wrong with it."""
    try:
        validation.resolve(raw)
    except ConfigError as error:
        return str(error)
    return ""


@st.composite
def damaged(draw):
    """A configuration with some settings replaced, added or left out."""
    raw = copy.deepcopy(RAW[draw(st.sampled_from(["a2c", "a3c"]))])
    for _ in range(draw(st.integers(1, 3))):
        *above, name = draw(st.sampled_from(sorted(paths(raw))))
        section = raw
        for each in above:
            section = section[each]
        if draw(st.integers(0, 5)):
            section[name] = draw(VALUES)
        else:
            del section[name]
            section[draw(st.text(max_size=4))] = draw(SCALARS)
    return raw


@settings(max_examples=400, derandomize=True, database=None, deadline=None)
@given(damaged())
def test_a_damaged_configuration_is_refused_in_one_sentence(raw):
    assert said_of(raw).isprintable()
