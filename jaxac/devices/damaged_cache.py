"""JAX's warnings of a damaged cache of compiled programs, told once."""

import re
import sys
import warnings
from typing import Any


def tell_once(path: str) -> None:
    """Has one line on standard error in place of JAX's warning for every program whose entry in the cache is damaged.

    Args:
        path: the cache's directory.
    """
    before, told = warnings.showwarning, False

    def show(message: Warning | str, *where: Any, **more: Any) -> None:
        nonlocal told
        if not _CACHE_WARNING.match(str(message)):
            before(message, *where, **more)
        elif not told:
            told = True
            reading = "reading" in str(message)[:20]
            what = "has damaged programs, which are compiled again; delete it" if reading else "cannot be written"
            print(f"jaxac: compilation_cache={path} {what}.", file=sys.stderr)

    if getattr(before, "of_cache", None) != path:
        show.of_cache = path  # type: ignore[attr-defined]
        warnings.showwarning = show


_CACHE_WARNING = re.compile("Error (reading|writing) persistent compilation cache entry")
