"""Imports run one way, in the order of this table, and heavy ones wait until they are needed."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import jaxac

ROOT = Path(jaxac.__file__).parent
TABLE = """
errors lean_import catalog config validation checkpoint run_directory events hydra_errors command_line loggers
schedule signals sweep_record machine types prng spec returns distributions normalization envs networks agent rollout
fused.tiles fused.steps fused.grid fused optimizers
algos.placement algos.trees algos.shard algos.server algos.a2c algos.staleness algos.corrections algos.arrival algos.a3c
algos algos.realtime algos.hogwild algos.threads algos.replay
evaluation program lanes_program metrics serialization render artifacts lanes lane seeds job batches console trainer
runner sweep sweep_configs train
plugins.hydra_plugins.jaxac_launcher
"""
ORDER = TABLE.split()


def modules():
    for path in sorted(ROOT.rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        if name != "__init__":
            yield name, ast.parse(path.read_text())


def imported(tree):
    """The modules of jaxac that a module imports, at the top or inside a function."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "jaxac":
            base = (node.module or "").removeprefix("jaxac").lstrip(".")
            for alias in node.names:
                full = f"{base}.{alias.name}".lstrip(".")
                yield full if full in ORDER else base


def test_the_table_is_complete():
    assert sorted(name for name, _ in modules()) == sorted(ORDER)


@pytest.mark.parametrize("name, tree", list(modules()), ids=lambda value: value if isinstance(value, str) else "")
def test_imports_run_one_way(name, tree):
    for other in imported(tree):
        if other and not (name == "train" and other == "train"):
            assert ORDER.index(other) < ORDER.index(name), f"{name} imports {other}"


@pytest.mark.parametrize("package, importers", [("gymnax", {"catalog"}), ("flax.linen", {"networks"})])
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
    heavy = ("jax", "flax", "gymnax", "wandb", "matplotlib")
    code = f"import sys, jaxac.train; print(*[name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
