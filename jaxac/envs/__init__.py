"""Environments behind one interface: ``envs.make(name)`` gives a batched :class:`Env` of any suite."""

from jaxac.envs import previous
from jaxac.envs.base import Box, Discrete, Env, restart
from jaxac.envs.gymnax import make

__all__ = ["Box", "Discrete", "Env", "make", "previous", "restart"]
