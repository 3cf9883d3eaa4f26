"""The host of this process, as other processes of the same run need to know it."""

import os
import platform
import re
import socket
from pathlib import Path
from typing import Any

from jaxac.devices import machine


def about() -> dict[str, Any]:
    """All that other processes of the same run need to know of this one's host; JAX is not started for it."""
    return {
        "host": platform.node(),
        "address": _address(),
        "xla_threads": machine.xla_threads(),
        "processor": _processor(),
        "cores": sorted(os.sched_getaffinity(0)),
        "visible": os.environ.get("CUDA_VISIBLE_DEVICES"),
        "accelerated": machine.has_accelerator(),
    }


def _address() -> str:
    """The address that the host's own name stands for."""
    try:
        return socket.gethostbyname(socket.gethostname())
    except OSError:
        return ""


def _processor() -> str:
    """The name of the processor; empty where the system does not tell."""
    try:
        named = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    except OSError:
        return ""
    return named[1] if named else ""


def divide_cores(rank: int, share: int) -> None:
    """Keeps this process to its part of the cores that several of a run share, with as many of XLA's threads as before.

    Processes that wait for each other at every update are half as fast where their threads come into each other's way.

    Args:
        rank: the process' number among those that share the cores.
        share: how many those are.
    """
    cores = sorted(os.sched_getaffinity(0))
    machine.set_xla_threads(machine.xla_threads())  # on which rounding depends
    mine = cores[len(cores) * rank // share : len(cores) * (rank + 1) // share]
    os.sched_setaffinity(0, mine or cores)
