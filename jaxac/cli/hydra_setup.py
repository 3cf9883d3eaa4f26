"""What Hydra must know before it starts: where our launcher lies, and what ``${jaxac.unique:}`` is.

Why: Hydra makes instances of launchers in the namespace package ``hydra_plugins`` only, and looks for it along
``sys.path``; a top-level package of that name in our wheel would lie beside everybody else's, so ours lies in a folder
of its own. What it gives: ``hydra/launcher=vmap``. Delete it when Hydra takes launchers from anywhere; the test that
fails first is ``tests/cli/test_sweep.py``.
"""

import functools
import secrets
import sys
from pathlib import Path

from omegaconf import OmegaConf

_PLUGINS = str(Path(__file__).with_name("plugins"))


def register() -> None:
    """Once a process, also in those that a launcher starts: they import :mod:`jaxac.train` to find the job."""
    if _PLUGINS not in sys.path:
        sys.path.append(_PLUGINS)
    unique = functools.partial(secrets.token_hex, 3)  # directories are named after the second they were made in
    OmegaConf.register_new_resolver("jaxac.unique", unique, use_cache=True, replace=True)
