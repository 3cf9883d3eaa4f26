"""A table of gymnax's environments, which saves importing gymnax: that takes seconds.

The table in ``catalog.json`` finds a wrong name, parameter or action space at once. A test compares it with the
installed gymnax; ``python -m jaxac.config.catalog`` writes it again.
"""

import difflib
import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jaxac.config.words import show
from jaxac.errors import ConfigError

_TABLE = Path(__file__).with_name("catalog.json")
UNSUPPORTED = {"MNISTBandit-bsuite": "it downloads a data set"}
"""Environments that cannot be trained on, with the reason."""


@dataclass(frozen=True)
class EnvInfo:
    """The table's entry for one environment."""

    name: str
    """The name under which gymnax registers it."""
    module: str
    """The module that defines its class."""
    cls: str
    """The name of its class."""
    actions: int | None
    """Number of discrete actions; None if actions are continuous."""
    observation: tuple[int, ...]
    """The shape of an observation; of a category, that of its one-hot code."""
    params: dict[str, Any]
    """Scalar parameters and their defaults."""
    threshold: float | None
    """The mean return at which Gymnasium's registry calls it solved; None if it does not say."""


@functools.cache
def table() -> dict[str, EnvInfo]:
    """Every environment that gymnax registers, by name."""
    return {name: _entry(name, **entry) for name, entry in json.loads(_TABLE.read_text()).items()}


def _entry(name: str, *, observation: list[int], **others: Any) -> EnvInfo:
    return EnvInfo(name, observation=tuple(observation), **others)


def canonical(name: str) -> str:
    """The registered name for ``name``, which may leave out the suffix.

    >>> canonical("cartpole")
    'CartPole-v1'

    Raises:
        ConfigError: if there is no such environment.
    """
    if ":" in name or name in table():
        return name
    short = {full.rsplit("-", 1)[0].lower(): full for full in table()}
    if name.lower() in short:
        return short[name.lower()]
    close = difflib.get_close_matches(name, table(), n=1, cutoff=0.5)
    hint = f"did you mean {close[0]}?" if close else "the names are: " + ", ".join(supported()) + "."
    raise ConfigError(f"env.name={show(name)} is not an environment of gymnax; {hint}")


def params(name: str) -> dict[str, Any]:
    """The parameters and defaults of the environment called ``name``; empty if it is not one of gymnax's."""
    try:
        info = lookup(canonical(name))
    except ConfigError:
        return {}
    return info.params if info else {}


def lookup(name: str) -> EnvInfo | None:
    """The table's entry for ``name``; None for an environment of the user's own."""
    return table().get(name)


def supported() -> list[str]:
    """The environments that can be trained on: nothing to download."""
    return [name for name in table() if name not in UNSUPPORTED]


def _describe(name: str) -> dict[str, Any]:
    import gymnasium
    import gymnax
    import numpy as np

    if name in UNSUPPORTED:
        return {"module": "", "cls": "", "actions": None, "observation": [], "params": {}, "threshold": None}
    env, params = gymnax.make(name)
    space = env.observation_space(params)
    return {
        "module": type(env).__module__,
        "cls": type(env).__name__,
        "actions": getattr(env.action_space(params), "n", None),
        "observation": [space.n] if hasattr(space, "n") else list(space.shape),
        "params": {k: v for k, v in vars(params).items() if np.ndim(v) == 0},
        "threshold": gymnasium.spec(name).reward_threshold if name in gymnasium.registry else None,
    }


def generate() -> str:
    """The table as JSON, from the installed gymnax."""
    import gymnax

    return json.dumps({name: _describe(name) for name in gymnax.registered_envs}, indent=1) + "\n"


if __name__ == "__main__":
    _TABLE.write_text(generate())
