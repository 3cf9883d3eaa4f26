"""A chunk of updates: the one loop that is compiled, for every algorithm and any number of updates."""

from typing import Any

import jax
import jax.numpy as jnp

from jaxac.algos import Algo
from jaxac.reports import ChunkReport, Report, Totals
from jaxac.spec import Spec
from jaxac.types import Array, PyTree


def _update(algo: Algo) -> Any:
    """``algo.update``, traced once for shapes, though the chunk and its totals both ask; inlined, it changes no bit."""
    return jax.jit(algo.update, inline=True)


def nothing(algo: Algo, spec: Spec, state: PyTree) -> Totals:
    """The totals of a row that has just begun."""
    report = jax.eval_shape(_update(algo), spec, state)[1]
    return Totals(jnp.int32(0), jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), report))


def run_chunk(
    algo: Algo, spec: Spec, state: PyTree, num_updates: Array, before: Totals | None = None
) -> tuple[PyTree, ChunkReport]:
    """Runs ``num_updates`` updates in one loop, whose trip count is data: chunks of any length share a program.

    Sums go on where the row's chunk before has left them, so that into how many chunks a row is cut changes no bit.

    Args:
        algo: the algorithm.
        spec: the training program.
        state: the training state to start from.
        num_updates: [] int32, number of updates, at least 1.
        before: totals of the row's chunks before this one; None if it is the row's first.

    Returns:
        The training state after the chunk, and the report of the row so far: means of metrics, sums of counts.
    """
    done, totals = before or nothing(algo, spec, state)
    assert totals is not None
    update = _update(algo)

    def body(_: Array, carry: tuple[PyTree, Report]) -> tuple[PyTree, Report]:
        state, totals = carry
        state, report = update(spec, state)
        return state, jax.tree.map(jnp.add, totals, report)

    state, sums = jax.lax.fori_loop(0, num_updates, body, (state, totals))
    updates = done + num_updates
    finite = [jnp.all(jnp.isfinite(x)) for x in jax.tree.leaves((algo.params(state), sums.metrics, sums.steps))]
    means = jax.tree.map(lambda x: x / updates, sums.metrics)
    return state, ChunkReport(
        means,
        sums.steps,
        sums.episodes,
        sums.asynchrony,
        algo.lag(spec, state),
        waiting=None,
        finite=jnp.all(jnp.stack(finite)),
        totals=Totals(updates, sums),
    )
