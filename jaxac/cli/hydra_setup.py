"""A corner: setup of Hydra before it starts: the path of our launcher, and the resolver ``${jaxac.unique:}``.

Why: Hydra makes instances of launchers in the namespace package ``hydra_plugins`` only, and looks for it along
``sys.path``; a top-level package of that name in our wheel would mix with other packages' plugins, so ours has a folder
of its own. It gives ``hydra/launcher=vmap``. Delete it when Hydra takes launchers from anywhere; the test that fails
first is ``test_a_sweep_leaves_ordinary_jobs`` in ``tests/test_train.py``.
"""

import functools
import logging
import os
import secrets
import sys
from pathlib import Path

from omegaconf import OmegaConf

_PLUGINS = str(Path(__file__).with_name("plugins"))


def register() -> None:
    """Registers launcher and resolver, and keeps logs plain, in every process: those of a launcher import it too."""
    if _PLUGINS not in sys.path:
        sys.path.append(_PLUGINS)
    logging.getLogger("alembic").setLevel(logging.WARNING)  # Optuna's: it would announce its parts
    if not sys.stderr.isatty():
        os.environ.setdefault("NO_COLOR", "1")  # Optuna would color a log file as well
    unique = functools.partial(secrets.token_hex, 3)  # directories are named after the second they were made in
    OmegaConf.register_new_resolver("jaxac.unique", unique, use_cache=True, replace=True)
