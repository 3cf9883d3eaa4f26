"""The memory of a trained policy, which its user carries from step to step."""

from typing import NamedTuple

import jax.numpy as jnp

from jaxac.agent import cells, networks
from jaxac.envs import Discrete, Env
from jaxac.spec import Spec
from jaxac.types import Array, PyTree


class PolicyMemory(NamedTuple):
    """A policy's memory of episodes, ``[...]`` of them side by side: its cells', and the step before."""

    cells: PyTree
    """[..., H] float32 each, the memories of the network's cells; () if it has none."""
    action: Array
    """[...] int32, the previous action; of continuous ones [..., N] float32, within ±1 where they have bounds."""
    running: Array
    """[...] float32: 0 at the start of an episode, where nothing came before, else 1."""


def initial(spec: Spec, env: Env, leading: tuple[int, ...]) -> PolicyMemory:
    """The memory at the start of ``[*leading]`` episodes."""
    if isinstance(env.actions, Discrete):
        action = jnp.zeros(leading, jnp.int32)
    else:
        action = jnp.zeros((*leading, len(env.actions.bounded)))
    return PolicyMemory(networks.initial_memory(spec.network, leading), action, jnp.zeros(leading))


def forget(done: Array, memory: PolicyMemory) -> PolicyMemory:
    """The memory, as at the start where an episode is ``done [...]``."""
    return memory._replace(cells=cells.forget(done, memory.cells), running=jnp.where(done, 0.0, memory.running))


def after(memory: PolicyMemory, cells: PyTree, action: Array) -> PolicyMemory:
    """The memory after a step: of the cells ``[..., H]``, and of the ``action [...]`` taken."""
    return PolicyMemory(cells, action, jnp.ones_like(memory.running))
