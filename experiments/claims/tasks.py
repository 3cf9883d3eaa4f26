"""The tasks that claims are tested on: of different kinds, each learned by A2C's general recipe or its preset."""

from typing import NamedTuple

NUM_ENVS = 128
"""Environments in all, few enough that speed of learning tells; unrolls have 16 steps."""
UNROLL = 16


class Task(NamedTuple):
    """What is learned, for how long."""

    kind: str
    """Said in one word or two in tables."""
    overrides: tuple[str, ...]
    """Overrides as typed behind ``python -m jaxac.train +algo=…``."""
    env_steps: int
    """Environment steps of a run in which no shard is slow."""
    solved: float | None = None
    """The mean return of an evaluation that solves it, if the task has one."""
    has_knobs: bool = False
    """True if it has the arms that turn one knob, too."""


TASKS = {
    "CartPole": Task("control", ("env=cartpole",), 500_000, 475.0, has_knobs=True),
    "Acrobot": Task("control, −1 a step", ("env.name=Acrobot-v1",), 1_000_000, -100.0),
    "Pendulum": Task("continuous actions", ("env.name=Pendulum-v1",), 1_000_000, -200.0),
    "MemoryChain": Task(
        "memory, a GRU",
        ("env.name=MemoryChain-bsuite", "env.params.memory_length=5", "network.memory=gru"),
        1_000_000,
        0.95,
    ),
    "MountainCar": Task("sparse reward", ("env.name=MountainCar-v0",), 2_000_000, -130.0),
    "Breakout": Task("images", ("env=breakout", f"algo.unroll_length={UNROLL}"), 3_000_000),
}
"""Every task by its name."""
