"""Hydra on our configuration files, whether or not the process uses Hydra for something else."""

from collections.abc import Iterator
from contextlib import contextmanager

from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra


@contextmanager
def hydra_on(conf: str) -> Iterator[None]:
    """Lets ``hydra.compose`` read the directory ``conf`` while the block runs.

    Hydra's state is global; a notebook or an application that uses Hydra itself has its own back afterwards.
    """
    outer = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(conf, version_base="1.3"):
            yield
    finally:
        GlobalHydra.instance().hydra = outer
