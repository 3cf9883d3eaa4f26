"""A corner: on Python 3.11.0 to 3.11.7 only one thread at a time parses source.

Why: the interpreter counts the depth of a tree that it builds in one place for all threads, so that two calls of
:func:`ast.parse` at once can end in ``SystemError: AST constructor recursion depth mismatch`` (CPython issue 106905).
A run imports W&B, which parses docstrings, while another thread imports the environment and compiles. What it gives:
starts that do not crash. Delete it when Python 3.11.7 is no longer supported; the test that fails first is
``test_two_threads_may_parse_at_once`` in ``tests/runs/test_one_parser.py``.
"""

import ast
import functools
import sys
import threading
from typing import Any

_LOCK = threading.RLock()


@functools.cache
def install() -> None:
    """Puts a lock around :func:`ast.parse` in this process, where the interpreter needs one; once."""
    if sys.version_info >= (3, 11, 8):
        return
    parse = ast.parse

    @functools.wraps(parse)
    def alone(*args: Any, **kwargs: Any) -> Any:
        with _LOCK:
            return parse(*args, **kwargs)

    ast.parse = alone
