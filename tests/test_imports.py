"""Imports run one way, in the order of this table, and heavy ones wait until they are needed."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import jaxac
from jaxac.config import suites

ROOT = Path(jaxac.__file__).parent
MAY_IMPORT = {
    # what          what it may import, besides itself
    "errors":       "",
    "types":        "",
    "reports":      "types",
    "names":        "",
    "intervals":    "",
    "config":       "errors",
    "distributed":  "errors config",
    "spec":         "types errors config",
    "devices":      "types errors distributed",
    "envs":         "types errors config devices",
    "agent":        "types reports errors config spec devices envs",
    "storage":      "names types reports errors config devices",
    "algos":        "types reports errors config spec devices envs agent storage",
    "programs":     "types reports errors config spec devices envs agent algos storage",
    "loggers":      "names intervals types reports errors config storage",
    "report":       "names intervals errors config storage",
    "runs":         "names types reports errors config distributed spec devices envs agent algos programs storage "
                    "loggers",
    "api":          "names types errors config distributed agent algos runs storage",
    "workers":      "names errors config devices storage loggers runs",
    "cli":          "errors config storage loggers runs workers",
    "train":        "errors config distributed devices storage runs cli",
    "evaluate":     "errors devices loggers api",
    "__main__":     "",
}  # fmt: skip


def modules():
    for path in sorted(ROOT.rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        if name != "__init__":
            yield name, ast.parse(path.read_text())


def imported(tree):
    """The packages (or top modules) of jaxac that a module imports, at the top or inside a function."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "jaxac":
            _, _, inside = (node.module or "").partition(".")
            yield from [inside.split(".")[0]] if inside else [alias.name for alias in node.names]


def test_the_table_is_complete():
    assert {name.split(".")[0] for name, _ in modules()} == set(MAY_IMPORT)


@pytest.mark.parametrize("name, tree", list(modules()), ids=lambda value: value if isinstance(value, str) else "")
def test_imports_run_one_way(name, tree):
    package = name.split(".")[0]
    others = set(imported(tree)) - {package}
    assert others <= set(MAY_IMPORT[package].split()), f"{name} imports {others}"


def test_the_table_has_no_circle():
    done = []
    for package, others in MAY_IMPORT.items():
        assert set(others.split()) <= set(done)
        done.append(package)


DOORS = {
    "gymnax": {"config.catalog"},
    "ray": {"devices.ray_cluster"},
    "submitit": {"workers.on_submitit"},
    "flax.linen": {"agent.networks", "agent.convolution", "agent.own_network"},
    **{about.package: {f"envs.suites.{suite}"} for suite, about in suites.SUITES.items()},
}


@pytest.mark.parametrize("package, importers", DOORS.items())
def test_a_library_comes_in_by_one_door(package, importers):
    found = set()
    for name, tree in modules():
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if any(full == package or full.startswith(package + ".") for full in names):
                found.add(name)
    assert found == importers


def test_the_entry_point_imports_nothing_heavy():
    heavy = ("jax", "flax", "gymnax", "wandb", "matplotlib", "ray")
    code = f"import sys, jaxac.train; print(*[name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
