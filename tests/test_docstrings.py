"""Docstrings stand alone in an editor's hover, every public name has one, and arrays name their shapes."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import jaxac

ROOT = Path(jaxac.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
Definition = ast.ClassDef | ast.FunctionDef

LEANING = re.compile(
    r"(after|and|as|at|because|before|but|by|for|from|how|if|in|lest|of|on|or|since|than|that|to|under|until|what|"
    r"when|where|whether|which|while|who|whose|why|with)\b",
    re.IGNORECASE,
)
"""Beginnings that need the name beside them to be understood."""
DATED = re.compile(r"\b(anew|go(es)? on with|lest|nobody|sooner|whoever)\b", re.IGNORECASE)
SHAPE = re.compile(r"(?<![\w\"'\]])\[(?!0, 1\])[\w., ·*/+]*\]")
"""``[T, B]`` or ``[]``, but no expectation E[…], no interval [0, 1], no item of a list."""
SHAPE_FIRST = re.compile(rf"{SHAPE.pattern}( (bool|float32|int32|uint32))?[,:]? *")
"""A field's docstring may begin with its shape and type; what follows them has to stand alone."""
ARRAY = re.compile(r"\b(Array|ndarray)\b")
MOST = 0.9


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def is_public(node: ast.AST) -> bool:
    return isinstance(node, Definition) and not node.name.startswith("_")


def public(body: list[ast.stmt]) -> Iterator[Definition]:
    """The public classes and functions in a body, with those in its public classes."""
    for node in filter(is_public, body):
        yield node
        if isinstance(node, ast.ClassDef):
            yield from public(node.body)


CLASSES = {
    node.name: node for path in FILES for node in ast.parse(path.read_text()).body if isinstance(node, ast.ClassDef)
}


def bases(node: ast.ClassDef) -> list[str]:
    return [ast.unparse(base).split("[")[0] for base in node.bases]


def documented(node: ast.ClassDef) -> set[str]:
    """The methods that a class documents."""
    return {each.name for each in public(node.body) if ast.get_docstring(each)}


PROTOCOLS = [documented(node) for node in CLASSES.values() if "Protocol" in bases(node)]


def inherited(tree: ast.Module) -> set[ast.stmt]:
    """Methods that a base class documents, or a Protocol if the class has all the methods that it documents."""
    found = set()
    for node in filter(lambda each: isinstance(each, ast.ClassDef), ast.walk(tree)):
        methods = {each.name: each for each in node.body if isinstance(each, ast.FunctionDef)}
        told = [documented(CLASSES[base]) & methods.keys() for base in bases(node) if base in CLASSES]
        told += [names for names in PROTOCOLS if names <= methods.keys()]
        found |= {methods[name] for names in told for name in names}
    return found


def fields(tree: ast.Module) -> Iterator[tuple[str, str, str]]:
    """``(name, annotation, docstring)`` of every annotated field of a public class."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and is_public(node):
            for field, after in zip(node.body, [*node.body[1:], None], strict=True):
                if isinstance(field, ast.AnnAssign):
                    is_text = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
                    text = after.value.value if is_text else ""
                    yield f"{node.name}.{ast.unparse(field.target)}", ast.unparse(field.annotation), text


def docstrings(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """``(name, docstring)`` of the module, its classes and functions, and every bare text below a name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield f"line {node.lineno}", node.value.value


def takes_arrays(node: Definition) -> bool:
    """True if a function takes or returns arrays, by its annotations."""
    if not isinstance(node, ast.FunctionDef):
        return False
    annotations = [argument.annotation for argument in (*node.args.args, *node.args.kwonlyargs)]
    return any(ARRAY.search(ast.unparse(each)) for each in (*annotations, node.returns) if each)


def array_functions() -> dict[str, str]:
    """The docstring of every public function of arrays, by its place."""
    return {
        f"{name_of(path)}:{node.name}": ast.get_docstring(node) or ""
        for path in FILES
        for tree in [ast.parse(path.read_text())]
        for node in public(tree.body)
        if takes_arrays(node) and node not in inherited(tree)
    }


def array_fields() -> dict[str, str]:
    """The docstring of every field that is an array, by its place."""
    return {
        f"{name_of(path)}:{name}": text
        for path in FILES
        for name, annotation, text in fields(ast.parse(path.read_text()))
        if ARRAY.search(annotation) and not annotation.startswith("Callable")
    }


def without_shape(found: dict[str, str]) -> list[str]:
    return [name for name, text in found.items() if not SHAPE.search(text)]


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_every_public_class_and_function_says_what_it_is(path):
    tree = ast.parse(path.read_text())
    told = inherited(tree)
    assert [node.name for node in public(tree.body) if not ast.get_docstring(node) and node not in told] == []


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_every_docstring_stands_alone(path):
    found = docstrings(ast.parse(path.read_text()))
    assert [f"{name}: {text}" for name, text in found if LEANING.match(SHAPE_FIRST.sub("", text, count=1))] == []


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_the_text_of_a_file_uses_the_words_of_today(path):
    lines = path.read_text().splitlines()
    assert [f"line {number}: {line}" for number, line in enumerate(lines, 1) if DATED.search(line)] == []


@pytest.mark.parametrize("found", [array_functions(), array_fields()], ids=["functions", "fields"])
def test_arrays_name_their_shapes(found):
    without = without_shape(found)
    assert len(without) <= (1 - MOST) * len(found), f"{len(without)} of {len(found)}: {without}"
