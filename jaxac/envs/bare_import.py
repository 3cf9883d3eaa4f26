"""A corner: importing one module of a package without all that the package imports.

Why: ``import gymnax`` imports every environment, and with them SciPy's statistics, seaborn and pyplot. What it gives:
CartPole is there after 0.03 s instead of 1.3 s (2 cores, JAX and flax already imported). Delete it when gymnax imports
an environment by need; the test that fails first is ``test_gymnax_itself_stays_unimported_and_importable`` in
``tests/envs/test_envs.py``.
"""

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType


def load(name: str) -> ModuleType:
    """Imports the module called ``name`` (absolute, dotted) without running the ``__init__`` of its packages.

    The packages may still be imported as usual later: they then find the same module.
    """
    with _bare_packages(name):
        return importlib.import_module(name)


@contextmanager
def _bare_packages(name: str) -> Iterator[None]:
    """Puts empty packages in place of those above ``name`` that are not imported yet, while the block runs."""
    top, *rest = name.split(".")[:-1]
    spec = importlib.util.find_spec(top)
    if spec is None or spec.submodule_search_locations is None:
        raise ModuleNotFoundError(f"No package named {top!r}", name=top)
    root = Path(spec.submodule_search_locations[0])
    stand_ins = []
    for depth in range(len(rest) + 1):
        package = ".".join([top, *rest[:depth]])
        if package not in sys.modules:
            module = ModuleType(package)
            module.__path__ = [str(root.joinpath(*rest[:depth]))]
            sys.modules[package] = module
            stand_ins.append(package)
    try:
        yield
    finally:
        for package in stand_ins:
            del sys.modules[package]
