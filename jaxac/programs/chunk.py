"""A chunk of updates: the one loop that is compiled, for every algorithm and any number of updates."""

import jax
import jax.numpy as jnp

from jaxac.algos import Algo
from jaxac.spec import Spec
from jaxac.types import Array, ChunkReport, PyTree, Report


def run_chunk(algo: Algo, spec: Spec, state: PyTree, num_updates: Array) -> tuple[PyTree, ChunkReport]:
    """Runs ``num_updates`` updates in one loop, whose trip count is data: chunks of any length share a program.

    Args:
        algo: the algorithm.
        spec: the training program.
        state: the training state to start from.
        num_updates: [] int32, number of updates, at least 1.

    Returns:
        The training state after the chunk, and the chunk's report: means of metrics, sums of counts.
    """
    zeros = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), jax.eval_shape(algo.update, spec, state)[1])

    def body(_: Array, carry: tuple[PyTree, Report]) -> tuple[PyTree, Report]:
        state, totals = carry
        state, report = algo.update(spec, state)
        return state, jax.tree.map(jnp.add, totals, report)

    state, sums = jax.lax.fori_loop(0, num_updates, body, (state, zeros))
    finite = [jnp.all(jnp.isfinite(x)) for x in jax.tree.leaves((algo.params(state), sums.metrics, sums.steps))]
    means = jax.tree.map(lambda x: x / num_updates, sums.metrics)
    return state, ChunkReport(
        means,
        sums.steps,
        sums.episodes,
        sums.asynchrony,
        algo.lag(spec, state),
        waiting=None,
        finite=jnp.all(jnp.stack(finite)),
    )
