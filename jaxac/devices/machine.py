"""The machine: its versions and devices, its memory, and where compiled programs are kept."""

import functools
import importlib.util
import os
import platform
from importlib import metadata
from typing import Any

import jax
import platformdirs

_PACKAGES = ("jaxac", "jax", "jaxlib", "flax", "optax", "gymnax", "numpy")


@functools.cache
def describe() -> dict[str, Any]:
    """``versions`` of what a result depends on, and the ``devices`` it was made with."""
    versions = {package: _version(package) for package in _PACKAGES}
    return {
        "versions": {"python": platform.python_version(), **versions},
        "devices": [f"{device.platform}:{device.id} {device.device_kind}" for device in jax.devices()],
    }


def memory_bytes() -> int:
    """The memory of one device: the accelerator's, or the machine's where it is a CPU."""
    stats = jax.local_devices()[0].memory_stats()
    if stats and "bytes_limit" in stats:
        return stats["bytes_limit"]
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def use_cores(by_threads: bool = False) -> str | None:
    """Sets JAX up to use a CPU's cores each for itself; without effect once it has looked for devices.

    By default XLA splits every operation over all cores, which for a small network costs more than it brings. With
    ``NPROC=1`` it compiles operations that stay on one core. Its pool has a thread a core all the same, for on that the
    order of some sums depends, and with it the last bits of every result. Whoever sets ``NPROC`` or the number of
    devices keeps what they set.

    Args:
        by_threads: Python threads will keep the cores busy, on one device, rather than devices, one a core.
    """
    flags = os.environ.get("XLA_FLAGS", "")
    if has_accelerator() or "NPROC" in os.environ or "host_platform_device_count" in flags:
        return None
    cores = len(os.sched_getaffinity(0))
    if by_threads:
        jax.config.update("jax_cpu_enable_async_dispatch", False)  # who calls, computes
        os.environ["NPROC"] = str(cores)
        jax.devices()
    else:
        jax.config.update("jax_num_cpu_devices", cores)
    os.environ["NPROC"] = "1"
    return None


def has_accelerator() -> bool:
    """Whether one is installed that JAX prefers to the CPU, found out without asking JAX to look."""
    if os.environ.get("JAX_PLATFORMS", "").split(",")[0] == "cpu":
        return False
    plugins = importlib.util.find_spec("jax_plugins") is not None or metadata.entry_points(group="jax_plugins")
    return bool(plugins) or importlib.util.find_spec("libtpu") is not None


def enable_compilation_cache(setting: str | None) -> None:
    """Keeps compiled programs in ``setting``: ``auto`` is a per-user directory, None is nowhere."""
    if setting is None:
        jax.config.update("jax_enable_compilation_cache", False)
        return
    path = platformdirs.user_cache_dir("jaxac", appauthor=False) + "/xla" if setting == "auto" else setting
    jax.config.update("jax_compilation_cache_dir", path)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:  # run from a checkout that was not installed
        return None
