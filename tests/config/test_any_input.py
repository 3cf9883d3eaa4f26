"""Whatever a configuration is read from, the check of it ends in a configuration or in one sentence."""

import copy

from hypothesis import given, settings
from hypothesis import strategies as st

from jaxac.config import validation
from jaxac.config.compose import make_config
from jaxac.errors import ConfigError
from jaxac.storage import run_directory

RAW = {name: run_directory.as_dict(make_config(f"+algo={name}")) for name in ("a2c", "a3c")}
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([10**400, -(10**25), 2**31, 2**32, 0, -1, 1e-60, 1e39, 0.5]),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["a:b", ":", "CartPole-v1", "a2c", "${x}", "9" * 5000, "\0", "\ud800", "os:path", "a" * 5000]),
)
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


@settings(max_examples=600, derandomize=True, database=None, deadline=None)
@given(damaged())
def test_a_damaged_configuration_is_refused_in_one_sentence(raw):
    said = ""
    try:
        validation.resolve(raw)
    except ConfigError as error:
        said = str(error)
    assert said.isprintable()
