"""Rows that are spread over devices, gathered."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxac.devices import placement


@pytest.fixture
def tree():
    """Leaves of three dtypes, of which one has rows of nothing but a number."""
    numbers = np.random.default_rng(0)
    return {
        "weights": jnp.asarray(numbers.normal(size=(8, 3, 2)), jnp.float32),
        "loss": jnp.asarray(numbers.normal(size=8), jnp.float32),
        "ended": jnp.arange(8, dtype=jnp.int32),
        "done": jnp.arange(8) % 3 == 0,
    }


@pytest.mark.parametrize("processes", [1, 2])
def test_gathered_rows_are_what_they_were(tree, processes, monkeypatch):
    monkeypatch.setattr(jax, "process_count", lambda: processes)
    place = placement.over(4, 8)
    found = jax.jit(lambda tree: place.gathered(place.split(tree)))(tree)
    for before, after in zip(jax.tree.leaves(tree), jax.tree.leaves(found), strict=True):
        assert after.is_fully_replicated and after.dtype == before.dtype
        np.testing.assert_array_equal(after, before)


def test_between_processes_the_leaves_of_a_dtype_are_one_message(tree, monkeypatch):
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    place = placement.over(4, 8)
    compiled = jax.jit(lambda tree: place.gathered(place.split(tree))).lower(tree).compile()
    gathers = [
        line for line in compiled.as_text().splitlines() if " all-gather(" in line or " all-gather-start(" in line
    ]
    assert len(gathers) == 3
