"""What a training program is a function of: the part of the configuration that ``jit`` sees.

The configuration's dataclasses are pytrees here: their *numbers* (fields of type ``float``, and the environment's
parameters) are leaves, their *sizes and choices* are part of the tree's structure. So ``jit`` recompiles when a size
changes and not when a number does, and a sweep over numbers is ``vmap`` over a stacked :class:`Spec`. The split is
read off the types; nobody keeps a list.
"""

import dataclasses
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from jaxac.config import import_path
from jaxac.config.parts import AnyNetwork, AnyOptimizer
from jaxac.config.schema import AnyAlgo, Config, EnvConfig


@dataclass(frozen=True)
class Spec:
    """The numbers, sizes and choices of a training program."""

    env: EnvConfig
    algo: AnyAlgo
    network: AnyNetwork
    optimizer: AnyOptimizer
    own_parts: tuple[Any, ...] = ()
    """The user's own classes and functions: a new one under an old name, as notebooks have it, is another program."""

    @property
    def steps_per_update(self) -> int:
        """Environment steps of one update in which every shard takes part."""
        return self.env.num_envs * self.algo.unroll_length


def is_number(annotation: object) -> bool:
    """Whether a field of this type is a number, or holds some (leaves), rather than a size or a choice (structure)."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return is_number(arguments[0])
    if origin is dict:
        return is_number(arguments[1])
    if origin in (typing.Union, types.UnionType, tuple):
        return any(map(is_number, arguments))
    return annotation is float or dataclasses.is_dataclass(annotation)


def _dataclasses(annotation: object) -> Iterator[type]:
    """The dataclasses that a field of this type may hold, inner ones first."""
    if isinstance(annotation, type) and dataclasses.is_dataclass(annotation):
        for hint in typing.get_type_hints(annotation, include_extras=True).values():
            yield from _dataclasses(hint)
        yield annotation
    for argument in typing.get_args(annotation):
        yield from _dataclasses(argument)


for _type in dict.fromkeys(_dataclasses(Spec)):
    _hints = typing.get_type_hints(_type, include_extras=True)
    _numbers = [name for name, hint in _hints.items() if is_number(hint)]
    jax.tree_util.register_dataclass(_type, _numbers, [name for name in _hints if name not in _numbers])


def make(config: Config) -> Spec:
    """The training program of a resolved configuration, its numbers as strongly typed scalars.

    Strong types matter: a Python float is weakly typed, and a program compiled for one is compiled again for the other.
    """
    own = tuple(map(import_path.find, config.own_parts.values()))
    spec = Spec(config.env, config.algo, config.network, config.optimizer, own)
    return jax.tree.map(lambda x: jnp.asarray(x, jnp.result_type(type(x))), spec)
