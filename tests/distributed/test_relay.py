"""The way to a coordinator passes all on but the coordinator's end."""

import socket

import pytest

from jaxac.distributed.relay import relay


def test_the_end_of_the_other_side_is_not_passed_on():
    server = socket.create_server(("127.0.0.1", 0))
    host, _, port = relay(f"127.0.0.1:{server.getsockname()[1]}").rpartition(":")
    near = socket.create_connection((host, int(port)), 5)
    far, _ = server.accept()
    near.sendall(b"asked")
    assert far.recv(5) == b"asked"
    far.sendall(b"answered")
    assert near.recv(8) == b"answered"
    for each in (far, server):
        each.close()
    near.settimeout(0.3)
    with pytest.raises(TimeoutError):
        near.recv(1)
    near.close()
