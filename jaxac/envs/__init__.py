"""Environments behind one interface: ``envs.make(name)`` gives a batched :class:`Env` of any suite."""

from jaxac.envs.base import Box, Discrete, Env, restart, starts
from jaxac.envs.gymnax import make

__all__ = ["Box", "Discrete", "Env", "make", "restart", "starts"]
