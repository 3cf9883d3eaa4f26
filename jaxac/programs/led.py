"""The same calls of an executor in several processes: the leader's executor tells them, the followers obey.

Every call in which processes compute together is made by all of them in one order, each in the one thread of its
executor: two collectives that meet in two orders wait for each other for ever.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, NoReturn

import jax

from jaxac.programs.executor import Chunk, Outcome, begin
from jaxac.programs.executors import Pooled
from jaxac.reports import Totals
from jaxac.types import Array, PyTree

Tell = Callable[..., None]
"""``tell(name, *arguments)``: has the followers make a call."""
Running = dict[int, Future[tuple[PyTree, Outcome]]]
"""A chunk that runs."""


class Led:
    """The executor of a run whose followers make the same calls.

    Args:
        executor: the executor of this process.
        tell: has the followers make a call.
        fail: ends the run by an error of a call that all make together.
    """

    def __init__(self, executor: Pooled, tell: Tell, fail: Callable[[Exception], NoReturn]) -> None:
        self._executor, self._tell, self._fail = executor, tell, fail
        self.compile_seconds, self.memory_bytes = executor.compile_seconds, executor.memory_bytes
        self.template, self.nothing = executor.template, executor.nothing

    def continue_rows(self, totals: Sequence[Totals | None]) -> None:
        self._executor.continue_rows(totals)  # followers read them in the checkpoint

    def start(self, states: Sequence[PyTree | None]) -> list[Future[PyTree]]:
        self._tell("start")
        return self._executor.start(states)

    def advance(
        self, state: list[Future[PyTree]], chunk: Chunk, active: Sequence[int]
    ) -> tuple[list[Future[PyTree]], Running]:
        self._tell("advance", *chunk)
        return self._executor.advance(state, chunk, active)

    def fetch(self, pending: Running) -> dict[int, Outcome]:
        return self._together(self._executor.fetch, pending)

    def evaluate(self, state: list[Future[PyTree]], lane: int, updates: int, batches: Sequence[int]) -> Array:
        self._tell("evaluate", updates, list(batches))
        return self._together(self._executor.evaluate, state, lane, updates, batches)

    def lane(self, state: list[Future[PyTree]], lane: int) -> PyTree:
        self._tell("lane")
        return self._together(self._executor.lane, state, lane)

    def close(self, wait: bool = True) -> None:
        self._executor.close(wait)

    def _together(self, call: Callable[..., Any], *arguments: Any) -> Any:
        """The result of a call that all processes make; by what it fails is told as a loss, but for want of memory."""
        try:
            return call(*arguments)
        except jax.errors.JaxRuntimeError as error:
            if "RESOURCE_EXHAUSTED" in str(error):
                raise
            self._fail(error)


class Follower:
    """The executor of a follower, and the state that it advances as the leader says.

    Args:
        executor: the executor of this process, of one run.
        content: the packed state to start from; None to begin.
        fail: ends the process by an error.
    """

    def __init__(self, executor: Pooled, content: bytes | None, fail: Callable[[BaseException], NoReturn]) -> None:
        self._executor, self._content, self._fail = executor, content, fail
        self._state: list[Future[PyTree]] = []

    def obey(self, name: str, arguments: Sequence[Any]) -> None:
        """Makes a call that the leader makes.

        Args:
            name: the name that :class:`Led` has told.
            arguments: what it has told with it.
        """
        if name == "start":
            self._state, _ = begin(self._executor, [self._content])
        elif name == "advance":
            chunk = Chunk(*arguments)
            chunk = chunk._replace(batches=tuple(chunk.batches))  # which JSON has made a list
            self._state, running = self._executor.advance(self._state, chunk, [0])
            running[0].add_done_callback(self._watch)
        elif name == "evaluate":
            self._executor.evaluate(self._state, 0, *arguments)
        elif name == "lane":
            self._executor.lane(self._state, 0)

    def _watch(self, done: Future[Any]) -> None:
        if error := done.exception():
            self._fail(error)
