"""Values in the user's own words, on one line: ``null`` and ``true``, and what is long cut short."""

import math
from typing import Any

_LONGEST = 80
SPELLED = {None: "null", True: "true", False: "false"}
"""Values that are typed otherwise than Python writes them."""


def show(value: Any) -> str:
    """A value as it is written on the command line, cut short if it is long.

    >>> show([64, None, 2.0, "a b"]), show({"mean": True})
    ('[64,null,2,a b]', '{mean: true}')
    """
    return shorten(_text(value))


def shorten(text: str) -> str:
    """``text`` on one line, its middle left out if it is long, with every character that has no print spelled out.

    >>> shorten("a" * 1000)
    'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…aaaaaaaaaaaaaaa'
    """
    if len(text) > _LONGEST:
        text = f"{text[:40]}…{text[-15:]}"
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in text)


def join(names: list[str], word: str = "or") -> str:
    """Names as a list in a sentence.

    >>> join(["a", "b", "c"]), join(["a"])
    ('a, b or c', 'a')
    """
    return f" {word} ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _text(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return SPELLED[value]
    if isinstance(value, float) and math.isfinite(value):
        return repr(value).removesuffix(".0")
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_text, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_text(each)}" for name, each in value.items()) + "}"
    try:
        return str(value)
    except ValueError:  # an integer of more than 4300 digits
        return "a number of very many digits"
