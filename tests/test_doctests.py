"""Examples in docstrings give what they say."""

import ast
import doctest
import importlib
from pathlib import Path

import pytest

import jaxac

ROOT = Path(jaxac.__file__).parent
FILES = [path for path in sorted(ROOT.rglob("*.py")) if ">>> " in path.read_text()]


def module_of(path: Path) -> str:
    return ".".join(["jaxac", *path.relative_to(ROOT).with_suffix("").parts]).removesuffix(".__init__")


@pytest.mark.parametrize("name", [module_of(path) for path in FILES])
def test_the_examples_of_a_module_give_what_they_say(name):
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted > 0
    assert result.failed == 0


def test_there_are_examples_where_they_help():
    texts = [node for path in FILES for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)]
    assert sum(">>> " in node.value for node in texts if isinstance(node.value, str)) >= 12
