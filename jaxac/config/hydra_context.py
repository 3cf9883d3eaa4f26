"""Hydra on our configuration files, whatever else it may be doing in this process."""

from collections.abc import Iterator
from contextlib import contextmanager

from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra


@contextmanager
def hydra_on(conf: str) -> Iterator[None]:
    """Inside the block, ``hydra.compose`` reads the directory ``conf``; Hydra is a global of which there is one.

    A notebook, or an application that is configured with Hydra itself, has it back afterwards.
    """
    outer = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(conf, version_base="1.3"):
            yield
    finally:
        GlobalHydra.instance().hydra = outer
