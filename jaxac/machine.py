"""The machine: its versions and devices, its memory, and where compiled programs are kept."""

import ctypes
import os
import platform
from importlib import metadata
from typing import Any

import jax
import platformdirs

_PACKAGES = ("jaxac", "jax", "jaxlib", "flax", "optax", "gymnax", "numpy")
_M_TRIM_THRESHOLD, _M_MMAP_MAX, _M_ARENA_MAX = -1, -4, -8  # <malloc.h>


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


def keep_freed_memory() -> None:
    """Lets glibc keep freed memory for the next call. Without effect where the C library is another.

    XLA allocates a program's temporaries anew at every call (100 MB at 4096 environments), and glibc by default returns
    so much to the system at once, which then zeroes every page of it again: 18 ms a call. What is set here is one
    arena that neither maps large blocks separately nor shrinks. It must be set before the first threads allocate, and
    makes a compilation that is not in the cache 3 s longer (of 9), since the compiler's threads then share the arena.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    mallopt = ctypes.CDLL(None).mallopt
    for option, value in ((_M_ARENA_MAX, 1), (_M_MMAP_MAX, 0), (_M_TRIM_THRESHOLD, 2**31 - 1)):
        mallopt(option, value)


def compute_in_threads(number: int) -> None:
    """Lets every Python thread compute by itself; without effect once JAX has looked for devices.

    XLA's own threads would otherwise do a CPU's work, and split one computation over all cores. With as many threads as
    cores it stays on one: measured, that is faster than a device a core.
    """
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    flags = os.environ.get("XLA_FLAGS", "")
    if number >= len(os.sched_getaffinity(0)) and "xla_cpu_multi_thread_eigen" not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} --xla_cpu_multi_thread_eigen=false"


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
