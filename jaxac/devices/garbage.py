"""Python's collector of garbage, in processes that are ours from begin to end."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_NEW_OBJECTS, _YOUNG_COLLECTIONS = 50_000, 20
"""Python's own thresholds are 700, from Python 3.13 on 2000, and 10."""


@contextmanager
def collected_seldom() -> Iterator[None]:
    """Has garbage looked for seldom while the block runs, and not at the process's end, if that comes next.

    What JAX makes while it is imported and traces lives on: to look through it again and again takes half a second of
    four, and once more at the end a quarter.
    """
    gc.set_threshold(_NEW_OBJECTS, _YOUNG_COLLECTIONS)
    try:
        yield
    finally:
        gc.freeze()
