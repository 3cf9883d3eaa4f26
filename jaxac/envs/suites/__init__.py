"""Other suites than gymnax, ``suite::name``: one module each, imported when one of its environments is made."""

import functools
import importlib

import jax

from jaxac.config import import_path
from jaxac.config import suites as known
from jaxac.config.words import show
from jaxac.envs.base import Env
from jaxac.envs.suites.single import batched
from jaxac.errors import ConfigError


def make(name: str) -> Env:
    """The environment called ``name``.

    Args:
        name: ``suite::name``.

    Raises:
        ConfigError: if there is none, its suite is not installed, it cannot be made, or jaxac has no policy for its
            actions.
    """
    known.check(name)
    with jax.ensure_compile_time_eval():  # outside of any trace under way, since suites and environments hold arrays
        return _make(name)


@functools.cache
def _make(name: str) -> Env:
    """The environment, made once: a second one would be compiled again."""
    suite, _, own = name.partition("::")
    try:
        module = importlib.import_module(f"{__name__}.{suite}")
        if own not in module.names():
            raise ConfigError(known.unknown(name, module.names()))
        return batched(name, module.make(own))
    except ConfigError:
        raise
    except Exception as error:
        raise ConfigError(
            f"env.name={show(name)} cannot be made: {import_path.explain(error)}; choose another, or mend the "
            f"installation of {suite}."
        ) from error
