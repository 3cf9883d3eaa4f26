"""Actor-critic reinforcement learning in JAX: A2C, and A3C with staleness as data.

    config = jaxac.make_config("+algo=a2c", "env.num_envs=512")
    result = jaxac.train(config)

``import jaxac`` imports neither JAX nor Hydra: each name below is looked up in :mod:`jaxac.api` on its first use.
"""

import importlib
import sys
from importlib import metadata
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jaxac.api import (
        ConfigError,
        DivergedError,
        Evaluation,
        Policy,
        Result,
        RunError,
        evaluate,
        load,
        make_config,
        make_train,
        train,
    )

__all__ = [
    "ConfigError",
    "DivergedError",
    "Evaluation",
    "Policy",
    "Result",
    "RunError",
    "evaluate",
    "load",
    "make_config",
    "make_train",
    "train",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return metadata.version("jaxac")
    if name == "make_config":
        from jaxac.config.compose import make_config  # which needs no JAX

        return make_config
    if name in __all__:
        return getattr(importlib.import_module("jaxac.api"), name)
    raise AttributeError(f"module 'jaxac' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


class _Package(ModuleType):
    """The package's type, which keeps ``jaxac.train`` and ``jaxac.evaluate`` the library's functions.

    The commands are modules of the same names, and importing a submodule sets it as an attribute of its package.
    """

    train = property(lambda _: __getattr__("train"), lambda _, __: None)
    evaluate = property(lambda _: __getattr__("evaluate"), lambda _, __: None)


sys.modules[__name__].__class__ = _Package
