"""Environments behind one interface: ``envs.make(name)`` gives a batched :class:`Env` of any suite."""

from jaxac.config.suites import is_of_suite
from jaxac.envs import gymnax, previous, suites
from jaxac.envs.base import Box, Discrete, Env, numbers, restart, starts

__all__ = ["Box", "Discrete", "Env", "make", "numbers", "previous", "restart", "starts"]


def make(name: str) -> Env:
    """The environment called ``name``.

    Args:
        name: the registered name of one of gymnax's, ``suite::name`` for one of another suite, or
            ``package.module:Class`` for a user's own.

    Raises:
        ConfigError: if there is none, it cannot be made, or jaxac has no policy for its actions.
    """
    return suites.make(name) if is_of_suite(name) else gymnax.make(name)
