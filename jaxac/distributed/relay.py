"""A corner: a way to JAX's coordinator that stays open when the coordinator is gone.

Why: JAX's client aborts its process as soon as its connection ends, often before a sentence is said. Through a relay
in its own process it sees no end; the loss is noticed, and told, over the connection to the leader. Delete it when JAX
lets its users say what happens then; the test that fails first is in ``tests/runs/test_several_processes.py``.
"""

import contextlib
import socket

from jaxac.distributed.link import start

_open: list[socket.socket] = []


def relay(address: str) -> str:
    """An address on this host, whose connections are passed on to another address, and do not end with it.

    Args:
        address: ``HOST:PORT`` to pass them on to.
    """
    host, _, port = address.rpartition(":")
    server = socket.create_server(("127.0.0.1", 0))
    start(_accept, server, host, int(port))
    return f"127.0.0.1:{server.getsockname()[1]}"


def _accept(server: socket.socket, host: str, port: int) -> None:
    while True:
        near, _ = server.accept()
        try:
            far = socket.create_connection((host, port))
        except OSError:
            near.close()  # for JAX to try again
            continue
        for each in (near, far):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _open.extend((near, far))
        start(_pass_on, near, far)
        start(_pass_on, far, near)


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while content := source.recv(2**16):
            target.sendall(content)
