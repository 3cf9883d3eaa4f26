"""Setup of a process that is to train, before JAX looks for devices."""

import warnings
from collections.abc import Sequence

from jaxac.config.schema import Config
from jaxac.devices import machine
from jaxac.errors import ConfigError
from jaxac.runs import one_parser, together
from jaxac.storage import events, provenance


def resolved(how: str) -> str:
    """``how``, with ``auto`` replaced by what it stands for on this machine."""
    return ("vmap" if machine.has_accelerator() else "cores") if how == "auto" else how


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
    by_threads = in_real_time or (several and how == "cores")
    note = machine.use_cores(by_threads, xla_threads(configs))
    if note:
        warnings.warn(note, stacklevel=3)
    machine.enable_compilation_cache(caches.pop())
