"""A connection between two processes: messages in order, and beats that say that a process is still there."""

import contextlib
import json
import queue
import socket
import struct
import threading
from collections.abc import Callable, Sequence
from typing import Any

from jaxac.distributed.place import Place
from jaxac.errors import ConfigError

Message = dict[str, Any]
"""Values that JSON can say, by name."""
_HEAD = struct.Struct("!IQ")
_LONGEST = 2**24
_BEATS = 5
"""Beats within the time after which silence means that a process is lost."""


class LinkError(Exception):
    """A connection that no longer works; the message says in a few words why."""


class Link:
    """One connection; any thread may send, one receives.

    Args:
        connection: the connected socket.
        timeout: seconds of silence after which the other process is lost.
    """

    def __init__(self, connection: socket.socket, timeout: float) -> None:
        self._socket, self._timeout, self._sending = connection, timeout, threading.Lock()
        connection.settimeout(timeout)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.peer = str(connection.getpeername()[0])
        """The address of the other process' host."""

    def send(self, message: Message, content: bytes = b"") -> None:
        """Sends a message.

        Args:
            message: the message.
            content: bytes that come with it.

        Raises:
            LinkError: if the other process is lost.
        """
        text = json.dumps(message).encode()
        with self._sending:
            self._send(_HEAD.pack(len(text), len(content)) + text + content)

    def beat(self) -> None:
        """Says that this process is still there, unless a message is just saying so; never raises."""
        if self._sending.acquire(blocking=False):
            with contextlib.suppress(LinkError):
                try:
                    self._send(_HEAD.pack(0, 0))
                finally:
                    self._sending.release()

    def receive(self) -> tuple[Message, bytes]:
        """The next message, and the bytes that come with it.

        Raises:
            LinkError: if the other process is lost.
        """
        while True:
            length, size = _HEAD.unpack(self._read(_HEAD.size))
            if length > _LONGEST:
                raise LinkError("what it sends is no message of jaxac's")
            if length:
                return json.loads(self._read(length)), self._read(size)

    def close(self) -> None:
        """Ends the connection, also for a thread that waits for a message."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _send(self, content: bytes) -> None:
        try:
            self._socket.sendall(content)
        except OSError as error:
            raise LinkError(self._reason(error)) from None

    def _read(self, size: int) -> bytes:
        content = bytearray()
        while len(content) < size:
            try:
                part = self._socket.recv(min(size - len(content), 2**20))
            except OSError as error:
                raise LinkError(self._reason(error)) from None
            if not part:
                raise LinkError("its connection was closed")
            content += part
        return bytes(content)

    def _reason(self, error: OSError) -> str:
        if isinstance(error, TimeoutError):
            return f"it has said nothing for {self._timeout:g} s"
        return f"its connection broke ({error.strerror or error})"


class Beats:
    """A thread that beats on connections, and sends what a handler of signals has to say, which may not wait itself.

    Args:
        links: the connections; the list may grow.
        timeout: seconds of silence after which the other process gives this one up.
    """

    def __init__(self, links: Sequence[Link], timeout: float) -> None:
        self._links, self._every = links, timeout / _BEATS
        self._waiting: queue.SimpleQueue[Message] = queue.SimpleQueue()
        start(self._run)

    def say(self, message: Message) -> None:
        """Has a message sent on every connection, soon."""
        self._waiting.put(message)

    def _run(self) -> None:
        while True:
            try:
                message = self._waiting.get(timeout=self._every)
            except queue.Empty:
                for link in list(self._links):
                    link.beat()
                continue
            for link in list(self._links):
                with contextlib.suppress(LinkError):
                    link.send(message)


def start(run: Callable[..., None], *arguments: Any) -> None:
    """Runs a function in a thread that ends with the process."""
    threading.Thread(target=run, args=arguments, daemon=True).start()


def listen(place: Place) -> socket.socket:
    """A socket for the followers to come to, on all of this host's addresses.

    Raises:
        ConfigError: if another program has the port.
    """
    both = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if both else socket.AF_INET
    try:
        return socket.create_server(("", place.port), family=family, dualstack_ipv6=both, backlog=1024)
    except OSError as error:
        raise ConfigError(
            f"distributed.coordinator_address={place.address}: this process is number 0 and cannot listen at port "
            f"{place.port} ({error.strerror}); give another port."
        ) from None


def free_port() -> int:
    """A port that is free."""
    with socket.socket() as probe:
        probe.bind(("", 0))
        return probe.getsockname()[1]
