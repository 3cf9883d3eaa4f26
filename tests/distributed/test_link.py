"""A connection says what it was given, in order, and tells a process that is lost from one that is busy."""

import socket
import time

import pytest

from jaxac.distributed.link import Beats, Link, LinkError


@pytest.fixture
def pair():
    server = socket.create_server(("127.0.0.1", 0))
    one = socket.create_connection(server.getsockname())
    other, _ = server.accept()
    links = [Link(each, 0.3) for each in (one, other)]
    yield links
    for each in (*links, server):
        each.close()


def test_messages_come_as_they_were_sent(pair):
    one, other = pair
    one.send({"do": "advance", "arguments": [1, [2], True]}, b"\0" * 100_000)
    one.beat()
    one.send({"do": "lane"})
    assert other.receive() == ({"do": "advance", "arguments": [1, [2], True]}, b"\0" * 100_000)
    assert other.receive() == ({"do": "lane"}, b"")


def test_a_process_that_has_ended_is_lost_at_once(pair):
    one, other = pair
    one.close()
    start = time.monotonic()
    with pytest.raises(LinkError, match="its connection was closed"):
        other.receive()
    assert time.monotonic() - start < 0.2


def test_a_process_that_is_silent_is_lost(pair):
    with pytest.raises(LinkError, match=r"it has said nothing for 0\.3 s"):
        pair[1].receive()


def test_a_process_that_has_nothing_to_say_is_not_lost(pair):
    one, other = pair
    beats = Beats([one], 0.3)
    time.sleep(0.7)
    beats.say({"signal": 15})
    assert other.receive() == ({"signal": 15}, b"")


def test_what_is_no_message_is_refused(pair):
    one, other = pair
    one._socket.sendall(b"GET / HTTP/1.1\r\n\r\n")
    with pytest.raises(LinkError, match="no message"):
        other.receive()
