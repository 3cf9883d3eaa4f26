"""The training program's argument: the part of the configuration that ``jit`` sees.

The configuration's dataclasses are pytrees here: their *numbers* (fields of type ``float``, and the environment's
parameters) are leaves, their *sizes and choices* are part of the tree's structure. So ``jit`` recompiles when a size
changes and not when a number does, and a sweep over numbers is ``vmap`` over a stacked :class:`Spec`. The split is
read off the types; no list has to be kept.
"""

import dataclasses
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from jaxac.config import import_path
from jaxac.config.algos import AnyAlgo
from jaxac.config.parts import AnyNetwork, AnyOptimizer
from jaxac.config.schema import Config, EnvConfig
from jaxac.errors import ConfigError


@dataclass(frozen=True)
class Spec:
    """The numbers, sizes and choices of a training program; a stack of ``P`` programs has leaves ``[P, ...]``."""

    env: EnvConfig
    """The environment, its number and its parameters."""
    algo: AnyAlgo
    """The algorithm and its settings."""
    network: AnyNetwork
    """The network's sizes, or the user's own network."""
    optimizer: AnyOptimizer
    """The optimizer and its settings."""
    num_devices: int
    """Number of devices over which the shards of one run may be spread."""
    own_parts: tuple[Any, ...] = ()
    """The user's own classes and functions; one defined again under its old name, in a notebook, is a new program."""

    @property
    def steps_per_update(self) -> int:
        """Environment steps of one update in which every shard takes part."""
        return self.env.num_envs * self.algo.unroll_length


def is_number(annotation: object) -> bool:
    """True if a field of this type is a number, or holds some (leaves), rather than a size or a choice (structure).

    >>> is_number(float | None), is_number(int)
    (True, False)
    """
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


def make(config: Config, num_devices: int | None = None) -> Spec:
    """The training program of a resolved configuration, its numbers as strongly typed scalars ``[]``.

    Strong types matter: a Python float is weakly typed, and a program compiled for it is compiled again for an array.

    Args:
        config: the configuration.
        num_devices: devices over which its shards may be spread; None for all, of all processes.
    """
    own = tuple(map(import_path.find, config.own_parts.values()))
    devices = num_devices or jax.device_count()
    spec = Spec(config.env, config.algo, config.network, config.optimizer, devices, own)
    return jax.tree.map(lambda x: jnp.asarray(x, jnp.result_type(type(x))), spec)


def structure(config: Config) -> Any:
    """All of a training program but its numbers: configurations that have it in common share one compiled program, if
    nothing else forbids it. Starts no device.
    """
    return jax.tree.structure(Spec(config.env, config.algo, config.network, config.optimizer, 1))


def with_numbers(spec: Spec, numbers: Mapping[str, Any]) -> Spec:
    """The training program with other numbers, which may be traced.

    Args:
        spec: the training program.
        numbers: scalars ``[]`` by the settings' names,
            ``{"optimizer.learning_rate": 1e-3, "env.params.gravity": 5.0}``.

    Raises:
        ConfigError: if a name is not the name of a number.
    """
    for name, value in numbers.items():
        section, _, rest = name.partition(".")
        if section not in ("env", "algo", "network", "optimizer") or not rest:
            raise ConfigError(f"{name} is not a number of a training program; name one as optimizer.learning_rate.")
        spec = dataclasses.replace(
            spec, **{section: _with_number(getattr(spec, section), name, rest.split("."), value)}
        )
    return spec


def _with_number(part: Any, name: str, path: list[str], value: Any) -> Any:
    """``part`` of a training program with the number at ``path`` replaced."""
    field, *rest = path
    if isinstance(part, dict):
        if field not in part:
            raise ConfigError(f"{name} has no value in this configuration; give it one there first.")
        old = part[field]
        return {**part, field: _with_number(old, name, rest, value) if rest else jnp.asarray(value, old.dtype)}
    hints = typing.get_type_hints(type(part), include_extras=True)
    if field not in hints:
        raise ConfigError(f"{name} is not a setting; see conf/ for those there are.")
    if not is_number(hints[field]):
        raise ConfigError(f"{name} is a size or a choice, which is compiled in; make another configuration for it.")
    old = getattr(part, field)
    if rest:
        return dataclasses.replace(part, **{field: _with_number(old, name, rest, value)})
    if old is None:
        raise ConfigError(f"{name} is null in this configuration, which is a choice; give it a number there first.")
    if isinstance(old, tuple):
        raise ConfigError(f"{name} is a list in this configuration, a number a shard; give it one number there first.")
    return dataclasses.replace(part, **{field: jnp.asarray(value, old.dtype)})
