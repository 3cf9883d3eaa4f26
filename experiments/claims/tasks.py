"""The tasks that claims are tested on: of different kinds, each learned by A2C's general recipe or its preset."""

from typing import NamedTuple

NUM_ENVS = 128
"""Environments in all, few enough that speed of learning tells; unrolls have 16 steps."""
UNROLL = 16


class Task(NamedTuple):
    """A task: an environment with what else is set for it, and the length of a run."""

    kind: str
    """Said in one word or two in tables."""
    overrides: tuple[str, ...]
    """Overrides as typed behind ``python -m jaxac.train +algo=…``."""
    env_steps: int
    """Environment steps of a run in which no shard is slow."""
    more: tuple[str, ...] = ()
    """Groups of arms that it has beside those that every task has."""


TASKS = {
    "CartPole": Task(
        "control",
        ("env=cartpole",),
        500_000,
        ("tails", "shards", "delays", "statistics", "momentum", "workers"),
    ),
    "Acrobot": Task("control, −1 a step", ("env.name=Acrobot-v1",), 1_000_000),
    "Pendulum": Task("continuous actions", ("env.name=Pendulum-v1",), 1_000_000),
    "MemoryChain": Task(
        "memory, a GRU",
        ("env.name=MemoryChain-bsuite", "env.params.memory_length=10", "network.memory=gru"),
        200_000,
    ),
    "MountainCar": Task("sparse reward", ("env.name=MountainCar-v0",), 2_000_000, ("bonuses",)),
    "Breakout": Task(
        "images", ("env=breakout", f"algo.unroll_length={UNROLL}", "network.hidden_sizes=[64,64]"), 1_000_000
    ),
}
"""Every task by its name."""
