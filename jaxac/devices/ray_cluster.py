"""Ray: a cluster that this process starts or joins. It is imported only where somebody asks for it."""

import contextlib
import logging
import os
import signal
import socket
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from jaxac.devices import machine
from jaxac.errors import ConfigError

_SECONDS = 5.0
"""Seconds in which the machine of a cluster's address has to answer."""


class Asked(NamedTuple):
    """The settings that ask for Ray, for messages."""

    by: str
    """The setting with its value, ``algo.runtime=ray``."""
    address: str
    """The setting of the cluster's address."""
    instead: str
    """The setting with a value that needs no Ray."""


def library(asked: Asked) -> Any:
    """Ray's package.

    Raises:
        ConfigError: if it is not installed.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # or it warns of a later version
    os.environ.setdefault("RAY_ENABLE_AUTO_CONNECT", "0")  # or a call after the end would start it again
    try:
        import ray
    except ModuleNotFoundError:
        raise ConfigError(
            f"{asked.by} needs Ray, which is not installed; pip install 'jaxac[ray]', or choose {asked.instead}."
        ) from None
    return ray


def start(ray: Any, address: str | None, asked: Asked) -> None:
    """Joins a cluster, or starts one of this machine alone.

    Args:
        ray: Ray's package.
        address: the cluster's address; None for ``RAY_ADDRESS`` of the environment, else this machine alone.
        asked: the settings that ask for it.

    Raises:
        ConfigError: if it cannot be reached.
    """
    address = address or os.environ.get("RAY_ADDRESS") or "local"
    _check_reachable(address, asked)
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address == "local":
        quiet |= {"include_dashboard": False, "num_cpus": machine.num_cores()}
    try:
        with _signals_kept(), warnings.catch_warnings():
            # Ray starts its processes by fork and exec, between which nothing of JAX's is called.
            warnings.filterwarnings("ignore", r"os\.fork\(\) was called", RuntimeWarning)
            ray.init(address=address, **quiet)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise _unreachable(address, str(error).strip().partition("\n")[0], asked) from None


def _check_reachable(address: str, asked: Asked) -> None:
    """Raises ConfigError at once where Ray would try for a minute, and then end the process."""
    if "://" in address:
        reason = "that is Ray Client, and this process has to be on a machine of the cluster"
        raise _unreachable(address, reason, asked)
    host, colon, port = address.rpartition(":")
    if not colon:
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), _SECONDS).close()
    except (OSError, ValueError, OverflowError) as error:
        raise _unreachable(address, getattr(error, "strerror", None) or str(error), asked) from None


def _unreachable(address: str, reason: str, asked: Asked) -> ConfigError:
    if address == "local":
        return ConfigError(f"{asked.by}: Ray does not start: {reason}; choose {asked.instead}.")
    if "connect to" in reason:
        reason += " (one with a token needs RAY_AUTH_MODE=token here)"
    return ConfigError(
        f"{asked.address}={address} cannot be reached: {reason}; give HOST:PORT of a cluster's head, auto on one of "
        "its machines, or null (without RAY_ADDRESS) for this machine alone."
    )


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Keeps this process' own answer to SIGTERM, which Ray replaces."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        with contextlib.suppress(TypeError):  # None: installed outside Python
            signal.signal(signal.SIGTERM, before)
