"""The machine: its versions and devices, its memory, and where compiled programs are kept."""

import functools
import importlib.util
import os
import platform
import resource
import subprocess
import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

import jax
import platformdirs

from jaxac.devices import damaged_cache, processes

_PACKAGES = ("jaxac", "jax", "jaxlib", "flax", "optax", "gymnax", "numpy")


@functools.cache
def describe(suite: str | None = None) -> dict[str, Any]:
    """Versions of the packages that results depend on (``versions``), the devices of all processes (``devices``), the
    number of threads by which XLA divides work on a CPU (``xla_threads``, at least one a device), and the processes'
    hosts and numbers of devices (``processes``).

    Args:
        suite: the environment's suite, if that is another than gymnax.
    """
    return {
        "versions": versions([suite] if suite else []),
        "devices": [f"{device.platform}:{device.id} {device.device_kind}" for device in jax.devices()],
        **processes.describe(),
        "xla_threads": max(xla_threads(), jax.local_device_count() if jax.default_backend() == "cpu" else 1),
    }


def versions(suites: Iterable[str] = ()) -> dict[str, str | None]:
    """Versions of the packages that results depend on, and of suites; None for one that is not installed."""
    found = {package: _version(package) for package in (*_PACKAGES, *suites)}
    return {"python": platform.python_version(), **found}


def num_cores() -> int:
    """The number of cores that this process may use."""
    return min(_visible_cores(), _most_cores)


def limit_cores(most: int) -> None:
    """Has this process use a part of the cores that it may, and the same part of the machine's memory.

    Args:
        most: the number of cores.
    """
    global _most_cores
    _most_cores = most


_most_cores = sys.maxsize


def _visible_cores() -> int:
    return len(os.sched_getaffinity(0))


def xla_threads() -> int:
    """XLA's number of threads on a CPU: ``NPROC`` if it is set in the environment, else the cores of this process."""
    return int(os.environ.get("NPROC", 0)) or _visible_cores()


def memory_bytes() -> int:
    """Bytes of one device's memory: the accelerator's, or for a CPU what this process may have of the machine's."""
    stats = jax.local_devices()[0].memory_stats()
    if stats and "bytes_limit" in stats:
        return stats["bytes_limit"]
    whole = min(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), *_limits())
    return whole * num_cores() // _visible_cores()


def _limits() -> list[int]:
    """Bytes of memory that this process may have: by its container, and by ``ulimit``."""
    found = [limit for limit in resource.getrlimit(resource.RLIMIT_AS) if limit != resource.RLIM_INFINITY]
    for path in (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes")):
        try:
            found.append(int(path.read_text()))
        except (OSError, ValueError):  # another system, or no limit
            continue
    return [limit for limit in found if limit > 0] or [sys.maxsize]


def use_cores(by_threads: bool = False, xla_threads: int | None = None, share: int = 1) -> str | None:
    """Makes every core of a CPU a device of JAX's, so that each computes by itself.

    As one device, XLA splits every operation over all cores, which for a small network costs more than it saves.
    With an accelerator, or with ``NPROC`` or the number of devices set in the environment, nothing is changed.

    Args:
        by_threads: keep one device, because Python threads will keep the cores busy.
        xla_threads: with ``by_threads``, XLA's number of threads in this process; None for a thread a core.
        share: number of processes that share the cores.

    Returns:
        A sentence for the user if JAX has already looked for devices, so that some cores stay unused; else None.
    """
    flag = "--xla_force_host_platform_device_count"
    if has_accelerator() or xla_threads_are_given() or flag in os.environ.get("XLA_FLAGS", ""):
        return None
    cores = num_cores()
    wanted = 1 if by_threads else max(1, cores // share)
    if jax.config.jax_num_cpu_devices == wanted:  # type: ignore[attr-defined]
        return None  # as it was set before
    try:
        jax.config.update("jax_num_cpu_devices", wanted)
    except RuntimeError:
        return _already_started(cores, flag)
    if by_threads:
        jax.config.update("jax_cpu_enable_async_dispatch", False)  # the calling thread computes
        if xla_threads is not None:
            set_xla_threads(xla_threads)
    return None


def xla_threads_are_given() -> bool:
    """True if the environment that this process was started with says XLA's number of threads."""
    return os.environ.get("NPROC") != _ours.get("NPROC")


def set_xla_threads(count: int | None) -> None:
    """Sets XLA's number of threads on a CPU, before JAX looks for devices.

    Args:
        count: the number; None for a thread a core, whatever the environment says.
    """
    _ours.clear()
    os.environ.pop("NPROC", None)
    if count is not None:
        os.environ["NPROC"] = _ours["NPROC"] = str(count)


_ours: dict[str, str] = {}
"""Variables of the environment that this process has set for itself."""


def _already_started(cores: int, flag: str) -> str | None:
    count = jax.local_device_count()
    if count >= cores:
        return None
    devices, those = (f"{count} CPU devices", "those") if count > 1 else ("1 CPU device", "that")
    return (
        f"JAX had already started in this process, with {devices}: training uses {those}. For all {cores} cores, train "
        f"before any other call of JAX, or start Python with XLA_FLAGS={flag}={cores}."
    )


def describe_device() -> str:
    """The device that computes in this process, as it is known on its machine.

    ``gpu 3 NVIDIA H100`` is the fourth GPU of a machine, though it is JAX's first; a CPU has the cores that are used.
    """
    device = jax.local_devices()[0]
    if device.platform == "cpu":
        return f"cpu, {num_cores()} of {_visible_cores()} cores"
    number = os.environ.get("CUDA_VISIBLE_DEVICES") or ",".join(str(each.id) for each in jax.local_devices())
    return f"{device.platform} {number} {device.device_kind}"


def leave_accelerators() -> None:
    """Has JAX compute on the CPU in this process, because others are to have the accelerators."""
    jax.config.update("jax_platforms", "cpu")


def nvidia_gpus() -> list[str]:
    """The NVIDIA GPUs that this process may use, as ``CUDA_VISIBLE_DEVICES`` names them; JAX itself is not asked."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name.strip() for name in visible.split(",") if name.strip()]
    try:
        listed = subprocess.run(["nvidia-smi", "--list-gpus"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return [str(number) for number, line in enumerate(listed.splitlines()) if line.startswith("GPU ")]


def has_accelerator() -> bool:
    """True if JAX has a plugin for an accelerator installed; JAX itself is not asked, so as not to start it."""
    if os.environ.get("JAX_PLATFORMS", "").split(",")[0] == "cpu":
        return False
    plugins = importlib.util.find_spec("jax_plugins") is not None or metadata.entry_points(group="jax_plugins")
    return bool(plugins) or importlib.util.find_spec("libtpu") is not None


def enable_compilation_cache(setting: str | None) -> None:
    """Keeps compiled programs on disk.

    Args:
        setting: a directory; ``auto`` for a per-user directory; None for none.
    """
    if setting is None:
        jax.config.update("jax_enable_compilation_cache", False)
        return
    path = platformdirs.user_cache_dir("jaxac", appauthor=False) + "/xla" if setting == "auto" else setting
    damaged_cache.tell_once(path)
    jax.config.update("jax_compilation_cache_dir", path)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:  # run from a checkout that was not installed
        return None
