"""Ray, for as long as runs compute their gradients in its processes. It is imported only where a run asks for it."""

import contextlib
import logging
import os
import signal
import socket
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from jaxac.config.algos import A3CConfig, AlgoConfig
from jaxac.devices import machine
from jaxac.errors import ConfigError

_SECONDS = 5.0
"""Seconds in which the machine of a cluster's address has to answer."""


@contextmanager
def joined(algos: Sequence[AlgoConfig]) -> Iterator[None]:
    """Starts or joins Ray while the block runs, if one of the runs needs it; before JAX looks for devices.

    If this process has joined a cluster by itself, that one is taken, and left as it is.

    Args:
        algos: the settings of all runs of this process.

    Raises:
        ConfigError: if Ray is not installed, cannot be reached, or has not as many cores as there are to be learners.
    """
    remote = [algo for algo in algos if isinstance(algo, A3CConfig) and algo.runtime == "ray"]
    if not remote:
        yield
        return
    ray = library()
    own = not ray.is_initialized()
    try:
        if own:
            _start(ray, _address(remote))
        for algo in remote:
            num_learners(algo)
        yield
    finally:
        if own:
            ray.shutdown()


def library() -> Any:
    """Ray's package.

    Raises:
        ConfigError: if it is not installed, or there is an accelerator.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # or it warns of a later version
    os.environ.setdefault("RAY_ENABLE_AUTO_CONNECT", "0")  # or a call after the end would start it again
    try:
        import ray
    except ModuleNotFoundError:
        raise ConfigError(
            "algo.runtime=ray needs Ray, which is not installed; pip install 'jaxac[ray]', or choose "
            "algo.runtime=threads."
        ) from None
    if machine.has_accelerator():
        raise ConfigError(
            "algo.runtime=ray computes on the cores of CPUs, and JAX has an accelerator here; set JAX_PLATFORMS=cpu in "
            "the environment, or choose algo.runtime=threads."
        )
    return ray


def num_learners(algo: A3CConfig) -> int:
    """The number of learners: ``algo.ray.learners``, or as many as Ray has cores, and shards at most.

    Raises:
        ConfigError: if Ray has fewer cores, or none.
    """
    cores = int(library().cluster_resources().get("CPU", 0))
    wanted = algo.ray.learners or max(1, min(cores, algo.num_shards))
    if wanted > cores:
        raise ConfigError(
            f"algo.ray.learners={algo.ray.learners or 'null'} asks for {wanted} cores, one a learner, and Ray has "
            f"{cores}; lower it, or add nodes to the cluster."
        )
    return wanted


def _address(algos: Sequence[A3CConfig]) -> str:
    """The address of the cluster to join; ``local`` for one of this process' own."""
    addresses = {algo.ray.address for algo in algos}
    if len(addresses) > 1:
        raise ConfigError(
            f"algo.ray.address={', '.join(sorted(map(str, addresses)))}: jobs that are trained in one process have one "
            "cluster; give one value."
        )
    return addresses.pop() or os.environ.get("RAY_ADDRESS") or "local"


def _start(ray: Any, address: str) -> None:
    _check_reachable(address)
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address == "local":
        quiet |= {"include_dashboard": False, "num_cpus": machine.num_cores()}
    try:
        with _signals_kept(), warnings.catch_warnings():
            # Ray starts its processes by fork and exec, between which nothing of JAX's is called.
            warnings.filterwarnings("ignore", r"os\.fork\(\) was called", RuntimeWarning)
            ray.init(address=address, **quiet)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise _unreachable(address, str(error).strip().partition("\n")[0]) from None


def _check_reachable(address: str) -> None:
    """Raises ConfigError at once where Ray would try for a minute, and then end the process."""
    if "://" in address:
        raise _unreachable(address, "that is Ray Client, and the server has to be on a machine of the cluster")
    host, colon, port = address.rpartition(":")
    if not colon:
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), _SECONDS).close()
    except (OSError, ValueError, OverflowError) as error:
        raise _unreachable(address, getattr(error, "strerror", None) or str(error)) from None


def _unreachable(address: str, reason: str) -> ConfigError:
    if address == "local":
        return ConfigError(f"algo.runtime=ray: Ray does not start: {reason}; choose algo.runtime=threads.")
    if "connect to" in reason:
        reason += " (one with a token needs RAY_AUTH_MODE=token here)"
    return ConfigError(
        f"algo.ray.address={address} cannot be reached: {reason}; give HOST:PORT of a cluster's head, auto on one of "
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
