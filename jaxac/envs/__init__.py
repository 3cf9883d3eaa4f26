"""The world behind one interface: ``envs.make(name)`` gives a batched :class:`Env`, whatever suite it comes from."""

from jaxac.envs.base import Env, restart
from jaxac.envs.gymnax import make

__all__ = ["Env", "make", "restart"]
