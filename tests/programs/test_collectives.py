"""How often devices wait for each other: once an update, whatever they have to tell."""

import re

import jax
import pytest

from jaxac import spec
from jaxac.algos import ALGOS
from jaxac.programs import program, runtimes

COLLECTIVE = re.compile(r"\s(all-gather|all-reduce|all-to-all|collective-permute|reduce-scatter)(?:-start)?\(")


@pytest.mark.slow
@pytest.mark.parametrize("algo, in_all", [("a2c", 1), ("a3c", 2)])
def test_processes_gather_once_an_update_and_add_nothing_on_the_way(algo, in_all, small_config, monkeypatch):
    """A3C's distances are gathered too, at the end of a chunk; a sum on the way would have an order of its own."""
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    config = small_config(f"+algo={algo}", "algo.num_shards=4")
    signature = program.Signature.of(config, spec.make(config))
    _, state = program.compile_init(ALGOS[algo].init, signature.spec, program.key_shape())
    compiled = runtimes.compile_loop(signature.spec, state).program
    found = [match[1] for line in compiled.as_text().splitlines() if (match := COLLECTIVE.search(line))]
    assert found == ["all-gather"] * in_all
