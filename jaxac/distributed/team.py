"""The followers, as the leader sees them: it tells them what to do, and notices when one is lost."""

import contextlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, NoReturn

from jaxac.distributed import agreement
from jaxac.distributed.agreement import About, Meeting
from jaxac.distributed.link import Beats, Link, LinkError, Message, free_port, listen, start
from jaxac.distributed.place import Place
from jaxac.errors import ConfigError

_LOST = signal.SIGUSR2
"""The signal by which the thread that notices a loss wakes the main thread."""
_GRACE = 8.0
"""Seconds that the main thread has to leave a run at its newest checkpoint once a follower is lost, and a follower to
end."""
_current: "list[Team]" = []


class LostError(KeyboardInterrupt):
    """A follower is lost, and the run cannot go on without it."""

    exit_code = 1
    """The command's exit code."""


class Team:
    """The followers of this process, which come to its address one by one.

    Args:
        place: this process' place, which is the leader's.

    Raises:
        ConfigError: if another program has the port.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self._links: dict[int, Link] = {}
        self._abouts: dict[int, About] = {}
        self._changed = threading.Condition()
        self._exit_code: int | None = None
        self._gone: set[int] = set()
        self._has_met = False
        self._stop: Callable[[int], None] | None = None
        self._said: list[Link] = []
        signal.signal(_LOST, _raise)
        self._server = listen(place)
        Beats(self._said, place.timeout)
        start(self._accept)

    def meet(self, about: About, config: dict[str, Any]) -> Meeting | None:
        """Waits for all followers, and tells each how to join; the second time there is nothing to do, and None.

        Args:
            about: what this process says of itself.
            config: the configuration to train.

        Raises:
            ConfigError: if one does not come in time, or would not train the same run.
        """
        if self._has_met:
            return None
        self._has_met = True
        self._abouts[0] = {**about, "overrides": list(self.place.overrides)}
        with self._changed:
            if not self._changed.wait_for(lambda: not self._missing(), self.place.timeout):
                raise agreement.missing(self.place, self._missing())
            self._changed.wait_for(lambda: len(self._abouts) == self.place.num_processes)
        abouts = [self._abouts[number] for number in range(self.place.num_processes)]
        agreement.check(abouts)
        meetings = agreement.arrange(self.place, abouts, free_port())
        for number, link in self._links.items():
            self._send(number, link, {"do": "meet", "meeting": meetings[number], "config": config})
        return meetings[0]

    def call(self, name: str, *arguments: Any, content: bytes = b"") -> None:
        """Has every follower do something, in the order of these calls.

        Args:
            name: what to do.
            arguments: its arguments, as JSON can say them.
            content: bytes for it.
        """
        for number, link in self._links.items():
            self._send(number, link, {"do": name, "arguments": arguments}, content)

    @contextlib.contextmanager
    def heeding(self, stop: Callable[[int], None]) -> Iterator[None]:
        """Has the followers' signals asked of ``stop`` while the block runs."""
        self._stop = stop
        try:
            yield
        finally:
            self._stop = None

    def end(self, exit_code: int) -> None:
        """Has all followers end, those that have not come yet too, and waits until they have; at most for a while.

        Args:
            exit_code: the exit code of this process, and theirs.
        """
        with self._changed:
            if self._exit_code is not None:
                return
            self._exit_code = exit_code
        for link in list(self._links.values()):
            with contextlib.suppress(LinkError):
                link.send(self._farewell())
        with self._changed:
            patience = self.place.timeout if self._missing() else _GRACE
            self._changed.wait_for(lambda: len(self._gone) >= self.place.num_processes - 1, patience)

    def fail(self, error: Exception) -> NoReturn:
        """Ends the run by an error of what all compute together; if it comes of a loss that is known, that is told.

        Raises:
            LostError: in any case.
        """
        time.sleep(_GRACE / 2)  # a lost connection interrupts this
        self._lose(f"the processes can no longer compute together: {str(error).strip().partition(chr(10))[0]}")
        raise LostError

    def _missing(self) -> list[int]:
        return [number for number in range(1, self.place.num_processes) if number not in self._links]

    def _farewell(self) -> Message:
        return {"do": "end", "exit_code": self._exit_code}

    def _accept(self) -> None:
        while True:
            connection, _ = self._server.accept()
            start(self._hear, connection)

    def _hear(self, connection: socket.socket) -> None:
        """Takes what one follower says, until it is gone."""
        try:
            link = Link(connection, self.place.timeout)
            number, welcome = self._admit(link, link.receive()[0])
        except (LinkError, OSError, ValueError, KeyError, TypeError):  # no process of ours
            connection.close()
            return
        if not welcome:
            self._send_away(number, link)
            return
        try:
            while True:
                self._take(number, link.receive()[0])
        except LinkError as error:
            self._miss(number, str(error))

    def _admit(self, link: Link, first: Message) -> tuple[int, bool]:
        """The number of a process that has come, and True if it is to stay."""
        number, count = int(first["process_id"]), int(first["num_processes"])
        mine = count == self.place.num_processes and first["job"] == self.place.job and 0 < number < count
        with self._changed:
            welcome = self._exit_code is None and mine and number not in self._links
            if welcome:
                self._links[number] = link
                self._said.append(link)
                self._changed.notify_all()
        return number, welcome

    def _send_away(self, number: int, link: Link) -> None:
        """Has a process end that comes when the run has ended, or that has no place here, and waits until it has."""
        ended = self._exit_code is not None
        others = {"do": "end", "exit_code": ConfigError.exit_code, "why": f"{self.place.address} waits for others"}
        with contextlib.suppress(LinkError):
            link.send(self._farewell() if ended else others)
            while True:
                link.receive()
        if ended:
            self._see_off(number)

    def _see_off(self, number: int) -> None:
        with self._changed:
            self._gone.add(number)
            self._changed.notify_all()

    def _take(self, number: int, message: Message) -> None:
        if "about" in message:
            with self._changed:
                self._abouts[number] = message["about"]
                self._changed.notify_all()
        elif "signal" in message:
            (self._stop or signal.raise_signal)(message["signal"])
        elif "failed" in message:
            self._lose(f"process {number} on {self._host(number)}: {message['failed']}")

    def _miss(self, number: int, why: str) -> None:
        """Takes the end of a follower: as it should be, or a loss."""
        self._see_off(number)
        self._lose(f"process {number} on {self._host(number)} is lost: {why}; the run stops here.")

    def _host(self, number: int) -> str:
        return self._abouts[number]["host"] if number in self._abouts else self._links[number].peer

    def _send(self, number: int, link: Link, message: Message, content: bytes = b"") -> None:
        try:
            link.send(message, content)
        except LinkError as error:
            self._miss(number, str(error))
            raise LostError from None

    def _lose(self, sentence: str) -> None:
        """Says what was lost, ends the others, and wakes the main thread; after a while ends the process."""
        with self._changed:
            if self._exit_code is not None:
                return
            self._exit_code = LostError.exit_code
        print(f"jaxac: {sentence}", file=sys.stderr, flush=True)
        for link in list(self._links.values()):
            with contextlib.suppress(LinkError):
                link.send({**self._farewell(), "why": sentence})
        start(_end_after_a_while)
        signal.pthread_kill(threading.main_thread().ident or 0, _LOST)


def lead(place: Place) -> Team:
    """The team that this process leads, until it ends.

    Raises:
        ConfigError: if another program has the port.
    """
    _current.append(Team(place))
    return _current[-1]


def current() -> Team | None:
    """The team that this process leads; None if it trains by itself."""
    return _current[-1] if _current else None


def _raise(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise LostError


def _end_after_a_while() -> None:
    time.sleep(_GRACE)
    os._exit(LostError.exit_code)
