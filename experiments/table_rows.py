"""Rows of the table of scores: what each is trained with, and what others have reached there."""

from typing import NamedTuple


class Reference(NamedTuple):
    """A score that someone else has published."""

    score: float
    """The mean return."""
    who: str
    """The algorithm, and where the score is found."""
    steps: str
    """Environment steps of training, as published."""
    seeds: str
    """Runs that the score is of, as published."""


class Row(NamedTuple):
    """A row of the table."""

    overrides: tuple[str, ...]
    """Overrides as typed behind ``python -m jaxac.train +algo=a2c``."""
    references: tuple[Reference, ...] = ()
    """Scores of others on the same task by the same rules."""
    pending: str = ""
    """Why the row is not trained here; empty if it is."""


def _zoo(score: float, steps: str) -> Reference:
    return Reference(score, "A2C, rl-baselines3-zoo benchmark.md", steps, "1 run")


def _gymnax(score: float, algorithm: str, steps: str) -> Reference:
    return Reference(score, f"{algorithm}, gymnax README", steps, "1 checkpoint")


def _name(env: str, *others: str) -> tuple[str, ...]:
    return (f"env.name={env}", *others)


def _chain(length: int, *others: str) -> tuple[str, ...]:
    return _name("MemoryChain-bsuite", f"env.params.memory_length={length}", "total_env_steps=3_000_000", *others)


ROWS = {
    "CartPole": Row(("env=cartpole",), (_zoo(500.0, "0.5 M"),)),
    "CartPole, general recipe": Row(_name("CartPole-v1"), (_zoo(500.0, "0.5 M"),)),
    "Acrobot": Row(_name("Acrobot-v1"), (_zoo(-83.4, "0.5 M"), _gymnax(-80, "PPO", "0.5 M"))),
    "MountainCar, general recipe": Row(_name("MountainCar-v0"), (_zoo(-111.3, "1 M"),)),
    "MountainCar": Row(("env=mountaincar",), (_zoo(-111.3, "1 M"), _gymnax(-118, "PPO", "0.25 M"))),
    "MountainCarContinuous": Row(("env=mountaincarcontinuous",), (_zoo(91.2, "0.1 M"), _gymnax(92, "ES", "1 M"))),
    "Pendulum": Row(_name("Pendulum-v1"), (_zoo(-163.0, "1 M"), _gymnax(-130, "PPO", "1 M"))),
    "Catch": Row(_name("Catch-bsuite"), (_gymnax(1, "PPO", "0.1 to 0.2 M"),)),
    "DeepSea, 8 × 8": Row(_name("DeepSea-bsuite"), (_gymnax(0, "PPO", "0.1 to 0.2 M"),)),
    "DiscountingChain": Row(_name("DiscountingChain-bsuite"), (_gymnax(1.1, "PPO", "0.1 to 0.2 M"),)),
    "UmbrellaChain": Row(_name("UmbrellaChain-bsuite"), (_gymnax(1, "PPO", "0.1 to 0.2 M"),)),
    "FourRooms": Row(_name("FourRooms-misc"), (_gymnax(1, "PPO", "0.1 to 0.2 M"),)),
    "FrozenLake": Row(_name("FrozenLake-misc")),
    "SimpleBandit": Row(_name("SimpleBandit-bsuite")),
    "GaussianBandit": Row(_name("GaussianBandit-misc")),
    "PointRobot": Row(_name("PointRobot-misc"), (_gymnax(10, "ES, LSTM", "?"),)),
    "Reacher": Row(_name("Reacher-misc")),
    "Swimmer": Row(_name("Swimmer-misc")),
    "Breakout": Row(("env=breakout",), (_gymnax(28, "PPO", "10 M"),)),
    "Asterix": Row(("env=asterix",), (_gymnax(15, "PPO", "10 M"),)),
    "Freeway": Row(("env=freeway",), (_gymnax(58, "PPO", "10 M"),)),
    "SpaceInvaders": Row(("env=spaceinvaders",), (_gymnax(131, "PPO", "10 M"),)),
    "MemoryChain of 5, GRU": Row(_chain(5, "network.memory=gru")),
    "MemoryChain of 5, no memory": Row(_chain(5)),
    "MemoryChain of 30, GRU": Row(_chain(30, "algo.unroll_length=64", "network.memory=gru")),
    "BernoulliBandit, GRU": Row(
        _name("BernoulliBandit-misc", "algo.unroll_length=64", "network.memory=gru"),
        (_gymnax(90, "ES, LSTM", "?"),),
    ),
    "MetaMaze, GRU": Row(
        _name("MetaMaze-misc", "algo.unroll_length=64", "network.memory=gru"), (_gymnax(32, "ES, LSTM", "?"),)
    ),
    "Ant": Row(_name("brax::ant"), pending="an accelerator"),
    "Craftax-Classic": Row(_name("craftax::Craftax-Classic-Symbolic-v1"), pending="an accelerator"),
}
"""Every row by its name; scores of others are by gymnax's rules, for MinAtar too: no sticky actions, 1000 steps."""
