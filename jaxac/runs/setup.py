"""Setup of a process that is to train, before JAX looks for devices."""

import warnings
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from jaxac import spec
from jaxac.config.parts import ConvNetworkConfig, NetworkConfig
from jaxac.config.schema import Config
from jaxac.devices import machine
from jaxac.errors import ConfigError
from jaxac.programs import blocks
from jaxac.runs import one_parser, together
from jaxac.storage import events, provenance


def resolved(how: str) -> str:
    """``how``, with ``auto`` replaced by what it stands for on this machine, of jobs not known."""
    return ("vmap" if machine.has_accelerator() else "cores") if how == "auto" else how


_FEW_UNITS = 128
"""Units of a layer of a small network."""
_FEW_ENVS = 64
"""Environments up to which an operation of a small network costs about as much as its numbers, or more: for several
lanes at once it is cheaper (three times at 8 environments, 1.3 times at 64)."""


def fastest(configs: Sequence[Config], how: str) -> str:
    """``how``, with ``auto`` replaced by what is fastest for these jobs on this machine.

    Args:
        configs: the configurations of all jobs of the sweep, so that it is the same when the sweep is resumed.
        how: as for :func:`jaxac.runs.runner.train`.
    """
    if how != "auto" or machine.has_accelerator():
        return resolved(how)
    num_blocks: defaultdict[Any, float] = defaultdict(float)
    for config in configs:
        num_blocks[spec.structure(config)] += config.num_seeds / blocks.num_lanes(config)
    busy = min(num_blocks.values(), default=0) >= machine.num_cores()  # a block for every core, of every program
    return "blocks" if busy and all(map(_is_small, configs)) else "cores"


def _is_small(config: Config) -> bool:
    """True for few environments, and a plain network of few units."""
    network = config.network
    if not isinstance(network, NetworkConfig) or isinstance(network, ConvNetworkConfig) or config.has_foreign_parts:
        return False
    small = network.memory == "none" and max(network.hidden_sizes, default=0) <= _FEW_UNITS
    return small and not config.algo.in_real_time and config.env.num_envs <= _FEW_ENVS


def xla_threads(configs: Sequence[Config]) -> int | None:
    """XLA's number of threads for jobs of one process: the fewest that one is to have; None for a thread a core."""
    return min(filter(None, (events.xla_threads(config.algo) for config in configs)), default=None)


def prepare(configs: Sequence[Config], how: str, several: bool = False, in_real_time: bool = False) -> None:
    """Sets up the process; a second call changes nothing.

    Args:
        configs: the configurations of the jobs that are trained together.
        how: as for :func:`jaxac.runs.runner.train`.
        several: they are some of several jobs, of which others are trained elsewhere.
        in_real_time: one of these others is in real time.

    Raises:
        ConfigError: if the jobs cannot share a process.
    """
    provenance.describe()  # of the code as it is now, not at the end
    how = resolved(how)
    caches = {config.compilation_cache for config in configs}
    if len(caches) > 1:
        raise ConfigError(
            f"compilation_cache={', '.join(map(str, caches))}: jobs that are trained together have one; give one value."
        )
    one_parser.install()
    if together.gather(configs[0]):
        return
    several = several or len(configs) > 1 or configs[0].num_seeds > 1
    in_real_time = in_real_time or any(config.algo.in_real_time for config in configs)
    by_threads = in_real_time or (several and how in ("cores", "blocks"))
    note = machine.use_cores(by_threads, xla_threads(configs))
    if note:
        warnings.warn(note, stacklevel=3)
    machine.enable_compilation_cache(caches.pop())
