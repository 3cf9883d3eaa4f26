"""Suites of environments beside gymnax's, ``suite::name``: what can be known of them without importing them."""

import difflib
import importlib.util
import sys
from typing import NamedTuple

from jaxac.config.words import show
from jaxac.errors import ConfigError


class Suite(NamedTuple):
    """A suite; the extra and the distribution that install it have its name."""

    package: str
    """The package that it is imported as."""
    example: str
    """The name of one of its environments."""


SUITES = {
    "brax": Suite("brax", "ant"),
    "craftax": Suite("craftax", "Craftax-Classic-Symbolic-v1"),
    "jumanji": Suite("jumanji", "Snake-v1"),
    "playground": Suite("mujoco_playground", "CartpoleBalance"),
    "xminigrid": Suite("xminigrid", "MiniGrid-Empty-5x5"),
}
"""The suites by the names that environments have before ``::``."""
PARAMS = {"max_steps_in_episode": 1}
"""The parameter that every suite's environments have if they have a time limit, and its least value."""


def is_of_suite(name: str) -> bool:
    """True if ``name`` is spelled like a suite's environment.

    >>> is_of_suite("brax::ant"), is_of_suite("CartPole-v1"), is_of_suite("package.module:Class")
    (True, False, False)
    """
    return "::" in name


def suite_of(name: str) -> str | None:
    """The suite of an environment, ``suite::name``; None if it is gymnax's or a user's own.

    >>> suite_of("brax::ant"), suite_of("CartPole-v1")
    ('brax', None)
    """
    return name.partition("::")[0] if is_of_suite(name) else None


def is_installed(suite: str) -> bool:
    """True if the package of a suite can be imported; imports nothing."""
    package = SUITES[suite].package
    return package in sys.modules or importlib.util.find_spec(package) is not None


def check(name: str) -> None:
    """Raises ConfigError if there is no such suite, or it is not installed; imports nothing.

    Args:
        name: the environment, ``suite::name``.
    """
    suite = name.partition("::")[0]
    if suite not in SUITES:
        suites = [f"{each}::{about.example}" for each, about in SUITES.items()]
        close = difflib.get_close_matches(suite.lower(), SUITES, 1, 0.5)
        hint = f"did you mean {close[0]}::…? There are" if close else "there are"
        raise ConfigError(
            f"env.name={show(name)} is of a suite that jaxac does not know; {hint} {', '.join(suites)} and more of "
            "each, and gymnax's environments, which have no suite before their names."
        )
    if not is_installed(suite):
        raise ConfigError(f"env.name={show(name)} needs a suite that is not installed; pip install 'jaxac[{suite}]'.")


def unknown(name: str, names: list[str]) -> str:
    """A sentence on an environment ``suite::name`` that a suite does not have.

    Args:
        name: the environment.
        names: those that the suite has, without the suite.
    """
    suite, _, own = name.partition("::")
    plain = {each.lower(): each for each in names}
    close = [plain[each] for each in difflib.get_close_matches(own.lower(), plain, 3, 0.5)]
    hint = f"did you mean {' or '.join(f'{suite}::{each}' for each in close)}?" if close else ""
    return (
        f"env.name={show(name)} is not an environment of {suite}; {hint or 'the names are: ' + ', '.join(names) + '.'}"
    )
