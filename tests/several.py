"""Several processes of the command, as a user starts them by hand or a launcher does, on this machine."""

import socket
import subprocess
import sys
import time
from typing import NamedTuple

from tests.processes import CACHE, environment

PATIENCE = 300
"""Seconds after which a process hangs, rather than shares its core with many others."""


class Ended(NamedTuple):
    """The end of a process."""

    code: int
    out: str
    err: str


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(line, cwd, **changes):
    command = [sys.executable, "-m", "jaxac.train", *line]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd, env=environment(**changes)
    )


def by_hand(number, port, count=2):
    return (
        f"distributed.coordinator_address=localhost:{port}",
        f"distributed.num_processes={count}",
        f"distributed.process_id={number}",
    )


def start_all(*line, cwd, count=2, devices=1, **changes):
    """As many processes, each with so many devices."""
    port, flags = free_port(), f"--xla_force_host_platform_device_count={devices}"
    changes = {"XLA_FLAGS": f"{environment().get('XLA_FLAGS', '')} {flags}", **changes}
    return [start([*line, *by_hand(number, port, count), CACHE], cwd, **changes) for number in range(count)]


def ends(processes, patience=PATIENCE):
    """The ends of processes, each waited for; those that hang are killed, and fail the test."""
    try:
        return [Ended(each.wait(patience), *each.communicate()) for each in processes]
    finally:
        for each in processes:
            each.kill()


def wait_for(condition, processes, seconds=PATIENCE):
    """Waits until a condition holds, while the processes run."""
    until = time.monotonic() + seconds
    while not condition():
        gone = [each.communicate() for each in processes if each.poll() is not None]
        assert not gone, gone
        assert time.monotonic() < until
        time.sleep(0.05)
