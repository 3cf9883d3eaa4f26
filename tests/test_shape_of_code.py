"""Code that can be taken in at a glance: short files, short functions, nothing deep inside something else."""

import ast
from pathlib import Path

import pytest

import jaxac

ROOT = Path(jaxac.__file__).parent
MOST_LINES_OF_A_FILE = 250
MOST_LINES_OF_A_FUNCTION = 40
DEEPEST_FUNCTION = 2
"""A function in a function."""
DEEPEST_BLOCK = 4
"""Of ``if``, ``for``, ``while``, ``with``, ``try`` and ``match``, in one function."""
EXCEPTIONS: dict[str, str] = {}
"""What may break a rule (``agent/networks.py:make``), and why."""

BLOCKS = ast.If | ast.For | ast.While | ast.With | ast.Try | ast.Match
FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef
FILES = {str(path.relative_to(ROOT)): path.read_text() for path in sorted(ROOT.rglob("*.py"))}


def functions(node, depth=1):
    """Every function in ``node``, with how deep it lies in others: 1 for one that lies in none."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, FUNCTIONS):
            yield child, depth
        yield from functions(child, depth + isinstance(child, FUNCTIONS))


def deepest_block(node):
    """How many blocks lie in each other; an ``elif`` lies beside its ``if``, a function starts anew."""
    below = [child for child in ast.iter_child_nodes(node) if not isinstance(child, FUNCTIONS)]
    return max((deepest_block(child) + opens(child, node) for child in below), default=0)


def opens(child, parent):
    """Whether ``child`` is a block of its own."""
    is_elif = isinstance(child, ast.If) and isinstance(parent, ast.If) and parent.orelse == [child]
    return isinstance(child, BLOCKS) and not is_elif


def broken_rules(source):
    """What is too long or too deep, by the function's name."""
    for function, depth in functions(ast.parse(source)):
        lines, blocks = function.end_lineno - function.lineno + 1, deepest_block(function)
        if lines > MOST_LINES_OF_A_FUNCTION:
            yield function.name, f"has {lines} lines"
        if depth > DEEPEST_FUNCTION:
            yield function.name, f"lies {depth} functions deep"
        if blocks > DEEPEST_BLOCK:
            yield function.name, f"has blocks {blocks} deep"


@pytest.mark.parametrize("name", FILES)
def test_files_and_functions_are_short_and_flat(name):
    assert len(FILES[name].splitlines()) <= MOST_LINES_OF_A_FILE or name in EXCEPTIONS
    broken = [each for each in broken_rules(FILES[name]) if f"{name}:{each[0]}" not in EXCEPTIONS]
    assert not broken


def test_an_exception_is_needed():
    needed = {name for name, source in FILES.items() if len(source.splitlines()) > MOST_LINES_OF_A_FILE}
    needed |= {f"{name}:{function}" for name, source in FILES.items() for function, _ in broken_rules(source)}
    assert set(EXCEPTIONS) <= needed


LONG = "def long():\n" + "    x = 1\n" * 40
DEEP = "def a():\n    def b():\n        def c():\n            pass\n"
BLOCKED = """
def blocked():
    for a in b:
        with c:
            match d:
                case 1:
                    if e:
                        pass
                    elif f:
                        LAST
"""
METHOD = "class A:\n    def a(self):\n        def b():\n            pass\n"


@pytest.mark.parametrize(
    "source, broken",
    [
        (LONG, [("long", "has 41 lines")]),
        (LONG.removesuffix("    x = 1\n"), []),
        (DEEP, [("c", "lies 3 functions deep")]),
        (METHOD, []),
        (BLOCKED.replace("LAST", "while g: pass"), [("blocked", "has blocks 5 deep")]),
        (BLOCKED.replace("LAST", "pass"), []),
    ],
    ids=["too long", "just not too long", "too deep", "a method", "a block too many", "an elif"],
)
def test_the_rules_find_what_breaks_them(source, broken):
    assert list(broken_rules(source)) == broken
