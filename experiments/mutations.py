"""Small faults in the program, one change by an operator of cosmic-ray each, found again wherever the code lies.

A mutant is known by its function and by its line before and after, so it is the same one in another layout of files.
"""

import functools
import random
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import parso
from cosmic_ray.ast import ast_nodes
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator

SEED = 0
_BINARY = "Add_Sub Sub_Add Mul_Div Div_Mul FloorDiv_Mul Mod_FloorDiv BitAnd_BitOr BitOr_BitAnd"
_COMPARISON = "Eq_NotEq NotEq_Eq Lt_LtE LtE_Lt Gt_GtE GtE_Gt Is_IsNot IsNot_Is"
_OTHER = "AddNot ReplaceTrueWithFalse ReplaceFalseWithTrue ReplaceAndWithOr ReplaceOrWithAnd NumberReplacer"
OPERATORS = [
    *(f"ReplaceBinaryOperator_{each}" for each in _BINARY.split()),
    *(f"ReplaceComparisonOperator_{each}" for each in _COMPARISON.split()),
    *(f"ReplaceUnaryOperator_Delete_{each}" for each in ("USub", "Invert", "Not")),
    *(*_OTHER.split(), "ZeroIterationForLoop", "ExceptionReplacer"),
]
_TOOLS = ("_describe", "generate")
"""Functions that no run needs: they write the catalog."""
# How many mutants of which role; its modules, and its test files, the cheapest first, in every layout there was.
# Of a file:part only the tests with that part in their names.
ROLES = {
    "returns": (4, "agent/returns returns", "returns agent objective a2c:ppo"),
    "actor_critic": (
        11,
        "agent/actor_critic agent/objective agent/bootstrap agent",
        "agent actor_critic objective bootstrap returns a2c:ppo a2c:k_shards rollout",
    ),
    "distributions": (
        5,
        "agent/categorical agent/gaussian agent/distributions distributions",
        "categorical gaussian continuous distributions agent objective rollout a3c:lag",
    ),
    "normalization": (5, "agent/normalization normalization", "normalization rollout:returns a2c:shards"),
    "rollout": (6, "agent/rollout rollout", "rollout a2c:ppo a2c:repeat a2c:keys probe_envs"),
    "optimizers": (4, "algos/optimizers optimizers", "optimizers a2c:ppo a3c:parameters_are"),
    "a2c": (2, "algos/a2c", "a2c a3c"),
    "a3c": (5, "algos/a3c", "a3c"),
    "arrival": (7, "algos/arrival", "arrival a3c"),
    "server": (2, "algos/server", "a2c a3c"),
    "shard": (4, "algos/shard", "a2c:ppo a3c:block a3c:bit_for_bit a2c:shards"),
    "staleness": (
        8,
        "algos/staleness",
        "staleness a3c:delay a3c:versions a3c:equal_shards a3c:in_a_fixed a3c:parameters_are a3c:stop a3c:devices",
    ),
    "host": (6, "algos/realtime/host algos/realtime", "host threads runner"),
    "checkpoint": (4, "storage/checkpoint checkpoint", "checkpoint runner"),
    "serialization": (2, "storage/serialization serialization", "checkpoint serialization runner"),
    "directory": (6, "storage/directory storage/run_directory run_directory", "directory run_directory runner"),
    "events": (4, "storage/events events", "events threads"),
    "validation": (12, "config/validation validation", "validation config fused:go_together"),
    "catalog": (3, "config/catalog catalog", "config catalog envs"),
}


class Mutant(NamedTuple):
    """A fault, wherever the code lies."""

    role: str
    function: str
    """Its qualified name; empty for a module's constant."""
    operator: str
    occurrence: int
    """Of the changes that the operator can make in such lines of the function."""
    before: str
    """The line, without its comment."""
    after: str


class Place(NamedTuple):
    """Where an operator changes a file; the first three as a mutant's."""

    function: str
    before: str
    occurrence: int
    line: int
    """The line's number, from 0."""
    number: int
    """Of the changes that the operator can make in the file, as cosmic-ray counts them."""


def function_of(node: Any) -> str | None:
    """The function that runs a node of a syntax tree; None if the node is an annotation, a default or an assertion."""
    names: list[str] = []
    while (parent := node.parent) is not None:
        annotation = parent.type == "annassign" and node is parent.children[1]
        signature = parent.type == "funcdef" and node is not parent.children[-1]
        statement = parent.type == "file_input" and not names and node.type != "simple_stmt"
        if node.type in ("assert_stmt", "decorator") or annotation or signature or statement:
            return None
        if parent.type in ("funcdef", "classdef"):
            names.insert(0, parent.name.value)
        node = parent
    return ".".join(names)


_syntax = functools.cache(parso.parse)


def places(source: str, operator: str) -> Iterator[Place]:
    """Where the operator changes what a function does, or a constant."""
    lines, seen, change = source.splitlines(), Counter[tuple[str, str]](), get_operator(f"core/{operator}")()
    changes = ((node, start) for node in ast_nodes(_syntax(source)) for start, _ in change.mutation_positions(node))
    for number, (node, (line, _)) in enumerate(changes):
        function, before = function_of(node), _bare(lines[line - 1])
        if function is not None:
            yield Place(function, before, seen[function, before], line - 1, number)
            seen[function, before] += 1


def mutated(source: str, operator: str, place: Place) -> tuple[str, str]:
    """The line and the whole source, changed."""
    code = mutate_code(source, get_operator(f"core/{operator}")(), place.number)
    return _bare(code.splitlines()[place.line]), code


def _bare(line: str) -> str:
    return line.partition("  #")[0].strip()


def modules(tree: Path, role: str) -> list[Path]:
    """The files of a role in a program."""
    paths = [tree / "jaxac" / f"{name}.py" for name in ROLES[role][1].split()]
    return [path for path in paths if path.exists()]


def pick(tree: Path, other: Path) -> list[Mutant]:
    """Mutants of the program in ``tree`` that ``other`` has too, spread over the roles and over the lines of each."""
    return [mutant for role, (count, *_) in ROLES.items() for mutant in islice(_of_role(tree, other, role), count)]


def _of_role(tree: Path, other: Path, role: str) -> Iterator[Mutant]:
    """In an order of chance, one a line."""
    sources = [path.read_text() for path in modules(tree, role)]
    found = [(text, operator, place) for text in sources for operator in OPERATORS for place in places(text, operator)]
    random.Random(f"{SEED} {role}").shuffle(found)
    one_a_line = {(place.function, place.before): (text, operator, place) for text, operator, place in found}
    for text, operator, place in one_a_line.values():
        after, _ = mutated(text, operator, place)
        mutant = Mutant(role, place.function, operator, place.occurrence, place.before, after)
        if place.function not in _TOOLS and find(other, mutant):
            yield mutant


def candidates(tree: Path, mutant: Mutant) -> Iterator[tuple[Path, str, Place]]:
    """Where in a program the line is that the mutant changes: file, text and place."""
    for path in sorted((tree / "jaxac").rglob("*.py")):
        text = path.read_text()
        for place in places(text, mutant.operator) if mutant.before in text else ():
            if (place.before, place.occurrence) == (mutant.before, mutant.occurrence):
                yield path, text, place


def find(tree: Path, mutant: Mutant) -> tuple[Path, str] | None:
    """The file that the mutant changes, and its text then: in its function, or else in the only such line there is."""
    found, home = list(candidates(tree, mutant)), modules(tree, mutant.role)
    found = [each for each in found if each[0] in home and each[2].function == mutant.function] or found
    if len(found) != 1:
        return None
    path, text, place = found[0]
    line, code = mutated(text, mutant.operator, place)
    return (path, code) if line == mutant.after else None
