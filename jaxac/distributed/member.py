"""The leader, as a follower sees it: what it says is done, and its end is this process' end."""

import contextlib
import os
import queue
import signal
import socket
import sys
import time
from types import FrameType
from typing import Any, NoReturn

from jaxac.distributed.agreement import About, Meeting
from jaxac.distributed.link import Beats, Link, LinkError, Message, start
from jaxac.distributed.place import Place
from jaxac.errors import ConfigError

_PAUSE = 0.2
"""Seconds between two tries to reach the leader."""
_ONE_REQUEST = 0.5
"""Seconds in which signals are one request to stop."""
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1")


class Member:
    """The connection to the leader; made in the main thread.

    Args:
        place: this process' place, which is a follower's.

    Raises:
        ConfigError: if the leader cannot be reached in time.
    """

    def __init__(self, place: Place) -> None:
        self._place, self._link = place, _connect(place)
        self._calls: queue.SimpleQueue[tuple[Message, bytes]] = queue.SimpleQueue()
        self._signalled: float | None = None
        self._send({"process_id": place.process_id, "num_processes": place.num_processes, "job": place.job})
        self._beats = Beats([self._link], place.timeout)
        start(self._hear)
        for name in _SIGNALS:
            if signal.getsignal(getattr(signal, name)) != signal.SIG_IGN:
                signal.signal(getattr(signal, name), self._pass_on)

    def introduce(self, about: About) -> None:
        """Tells the leader about this process."""
        self._send({"about": {**about, "overrides": list(self._place.overrides)}})

    def meet(self) -> tuple[Meeting, dict[str, Any]]:
        """The way to join the others, and the configuration to train; waits until the leader says so."""
        message, _ = self._calls.get()
        return Meeting(*message["meeting"]), message["config"]

    def call(self) -> tuple[str, list[Any], bytes]:
        """The leader's next call: its name, its arguments and its bytes."""
        message, content = self._calls.get()
        return message["do"], message["arguments"], content

    def fail(self, error: BaseException) -> NoReturn:
        """Ends the process by an error, which the leader is told, unless the leader's own end is the reason."""
        time.sleep(2 * _ONE_REQUEST)
        sentence = str(error).strip().partition("\n")[0] or type(error).__name__
        with contextlib.suppress(LinkError):
            self._link.send({"failed": sentence})
        self._end(1, sentence)

    def _send(self, message: Message) -> None:
        try:
            self._link.send(message)
        except LinkError as error:
            self._end(1, _told_lost(self._place, error))

    def _hear(self) -> None:
        """Takes the leader's calls, and its end."""
        try:
            while True:
                message, content = self._link.receive()
                if message["do"] == "end":
                    self._end(message["exit_code"], message.get("why"))
                self._calls.put((message, content))
        except (LinkError, ValueError, KeyError, TypeError) as error:
            self._end(1, _told_lost(self._place, error))

    def _end(self, exit_code: int, why: str | None) -> NoReturn:
        """Ends the process at once, whatever it computes; where the leader refused to train, it says why itself."""
        if exit_code == ConfigError.exit_code:
            why = why or "process 0 has refused to train, for the reason that it gives."
        if why:
            print(f"jaxac: process {self._place.process_id}: {why}", file=sys.stderr)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(exit_code)

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        """Asks the leader to stop; a second signal ends this process, and thereby the run."""
        del frame
        if self._signalled is None:
            self._signalled = time.monotonic()
            self._beats.say({"signal": number})
        elif time.monotonic() - self._signalled > _ONE_REQUEST:
            os._exit(128 + number)


def _connect(place: Place) -> Link:
    deadline, reason = time.monotonic() + place.timeout, ""
    while (left := deadline - time.monotonic()) > 0:
        try:
            connection = socket.create_connection((place.host, place.port), left)
            if connection.getsockname() != connection.getpeername():
                return Link(connection, place.timeout)
            connection.close()  # to itself, since no other process has the port
        except socket.gaierror as error:
            reason = error.strerror or "unknown"
            if error.errno != socket.EAI_AGAIN:
                break
        except OSError as error:
            reason = error.strerror or "timed out"
        time.sleep(_PAUSE)
    raise ConfigError(
        f"distributed.coordinator_address={place.address}: process 0 cannot be reached there within "
        f"{place.timeout:g} s ({reason}); see whether it runs, give its address, or raise distributed.timeout."
    )


def _told_lost(place: Place, error: Exception) -> str:
    return f"process 0 at {place.address} is lost: {error}; its run can be resumed from its last checkpoint."
