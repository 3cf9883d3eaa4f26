"""The interface of an executor, which advances the lanes of one program: runs that differ in numbers only."""

from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple, Protocol, TypeVar

import jax
import numpy as np

from jaxac.reports import ChunkReport, Totals
from jaxac.storage import serialization
from jaxac.types import Array, Params, PyTree


class Chunk(NamedTuple):
    """The next chunk of updates of every lane."""

    num_updates: int
    """Number of updates in the chunk."""
    updates: int
    """Updates done at the chunk's end, since the run began."""
    batches: tuple[int, ...]
    """Batches of the evaluation at the chunk's end; empty for no evaluation."""
    save: bool
    """True to return the state at the chunk's end, for a checkpoint."""
    begins: bool = True
    """True if the chunk is the first of its row; else its report is of the row's chunks before, too."""


class Outcome(NamedTuple):
    """Result of one lane's chunk."""

    report: ChunkReport
    """Metrics and counts of the chunk, on the host."""
    returns: Array | np.ndarray | None
    """[episodes] returns of the evaluation; None without one."""
    params: Params | None
    """The parameters that were evaluated, on the host; None without an evaluation."""
    saved: Any
    """The state as host arrays by path; None unless the chunk had ``save``."""
    seconds: float = 0.0
    """Seconds that the chunk's updates took."""


S = TypeVar("S")
"""Lanes' states, as an executor holds them."""
F = TypeVar("F")
"""A running chunk, as an executor holds it."""


class Executor(Protocol[S, F]):
    """Advances ``P`` lanes; ``state`` stands for all of their states, and each may be used once."""

    compile_seconds: float
    """Seconds that compilation took."""
    memory_bytes: int
    """Peak bytes per device, with as many lanes at once as the executor runs."""
    template: PyTree
    """Shapes, dtypes and shardings of one lane's state."""
    nothing: Totals | None
    """Totals of one lane's row that has just begun, on the host; None if the runtime keeps them itself."""

    def continue_rows(self, totals: Sequence[Totals | None]) -> None:
        """Has the lanes' rows go on from ``P`` totals, on the host; None begins a row."""

    def start(self, states: Sequence[PyTree | None]) -> S:
        """The states of all lanes, from ``P`` states of single lanes; a lane whose state is None is initialized."""

    def advance(self, state: S, chunk: Chunk, active: Sequence[int]) -> tuple[S, F]:
        """Starts a chunk of the active lanes, and returns at once.

        Returns:
            The lanes' states after the chunk, and the running chunk, for :meth:`fetch`.
        """

    def fetch(self, pending: F) -> dict[int, Outcome]:
        """Waits for a chunk, and returns its outcomes by lane, on the host."""

    def evaluate(self, state: S, lane: int, updates: int, batches: Sequence[int]) -> Array:
        """[episodes] returns of these batches of a lane's evaluation after ``updates`` updates."""

    def lane(self, state: S, lane: int) -> PyTree:
        """The state of one lane."""

    def close(self, wait: bool = True) -> None:
        """Ends what still runs in the background; waits for it unless told not to."""


def begin(executor: Executor[S, Any], contents: Sequence[bytes | None]) -> tuple[S, bool]:
    """Starts every lane, and has rows go on that were left in the middle.

    Args:
        executor: the executor.
        contents: the lanes' states, packed as in a checkpoint; None for a lane that begins.

    Returns:
        The lanes' states, and True if a row goes on.
    """
    states = [content and serialization.unpack(executor.template, content) for content in contents]
    state = executor.start(states)
    if executor.nothing is None:
        return state, False
    rows = [content and serialization.unpack_totals(executor.nothing, content) for content in contents]
    executor.continue_rows([row or None for row in rows])
    return state, any(row is not None for row in rows)


def first(future: Future[tuple[PyTree, Outcome]]) -> Future[PyTree]:
    """A future of the first of a future's two results."""
    first: Future[PyTree] = Future()

    def pass_on(done: Future[tuple[PyTree, Outcome]]) -> None:
        if done.cancelled():  # the run stops at once
            first.cancel()
            return
        error = done.exception()
        first.set_exception(error) if error else first.set_result(done.result()[0])

    future.add_done_callback(pass_on)
    return first


def copied(params: Params) -> Params:
    """The parameters in host memory of their own, because the next chunk reuses the device's."""
    return jax.tree.map(np.array, params)


def to_host(outcome: Outcome) -> Outcome:
    """The same outcome, on the host."""
    saved = None if outcome.saved is None else serialization.to_host(outcome.saved)
    return outcome._replace(returns=jax.device_get(outcome.returns), saved=saved)
