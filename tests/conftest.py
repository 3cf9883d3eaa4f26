"""Strictness for every test, and four CPU devices to spread shards over."""

import gc
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=4"
os.environ["NPROC"] = "16"  # with fewer threads than devices, programs with collectives can deadlock on the CPU
os.environ["WANDB_MODE"] = "disabled"

import jax
import pytest

from jaxac import programs
from jaxac import spec as spec_module
from jaxac.config.compose import make_config
from jaxac.config.schema import Config
from jaxac.spec import Spec

jax.config.update("jax_numpy_rank_promotion", "raise")

_QUICKLY = "--xla_backend_optimization_level=0 --xla_cpu_parallel_codegen_split_count=1"
QUICKLY = {"0.10": f"{_QUICKLY} --xla_cpu_use_fusion_emitters=false", "0.11": _QUICKLY}
"""Compiled in half the time, run in twice the time; by the version of jaxlib, since XLA ends the process at a flag that
it does not know."""


def pytest_configure(config: pytest.Config) -> None:
    """Compiles quickly, unless tests are asked for that learn, and need programs that run fast."""
    if config.option.markexpr in ("not slow", "slow and not learns"):
        version = metadata.version("jaxlib").rpartition(".")[0]
        os.environ["XLA_FLAGS"] += f" {QUICKLY.get(version, '')}"
    gc.set_threshold(100_000, 50, 50)  # JAX keeps so much that going through it takes a twentieth of the time
    if "JAXAC_TEST_CACHE" not in os.environ:
        os.environ["JAXAC_TEST_CACHE"] = tempfile.mkdtemp(prefix="jaxac-test-programs-")
        config.add_cleanup(forget_compiled)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Who learns is slow."""
    for item in items:
        if item.get_closest_marker("learns"):
            item.add_marker("slow")


def forget_compiled() -> None:
    """Deletes what was compiled in this session, by whichever of its processes."""
    shutil.rmtree(os.environ.pop("JAXAC_TEST_CACHE"), ignore_errors=True)


@pytest.fixture(autouse=True)
def compilation_cache() -> None:
    """Programs that several tests compile are compiled once a session; also after a test in which a run chose none."""
    jax.config.update("jax_enable_compilation_cache", True)
    jax.config.update("jax_compilation_cache_dir", os.environ["JAXAC_TEST_CACHE"])
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


@pytest.fixture(autouse=True)
def forget_programs() -> Iterator[None]:
    """Hundreds of compiled programs in one process run out of memory mappings, and then crash the compiler.

    Counting takes some ten milliseconds, so only tests count that may have compiled something.
    """
    start = time.perf_counter()
    yield
    if time.perf_counter() - start > 1.0 and num_mappings() > MOST_MAPPINGS:
        programs.forget()
        jax.clear_caches()
        gc.collect()


MOST_MAPPINGS = 20_000
"""Of the 65 530 that Linux gives a process."""


def num_mappings() -> int:
    """Of this process; too many where it cannot be known."""
    maps = Path("/proc/self/maps")
    return maps.read_bytes().count(b"\n") if maps.exists() else MOST_MAPPINGS + 1


SMALL = ("env.num_envs=8", "algo.unroll_length=4", "network.hidden_sizes=[8]", "total_env_steps=320")


@pytest.fixture
def small_config() -> Callable[..., Config]:
    """``small_config(*overrides)``: a run of ten updates that takes a moment, of A2C unless ``+algo=a3c`` is given."""

    def make(*overrides: str) -> Config:
        chosen = any(override.startswith("+algo=") for override in overrides)
        return make_config(*([] if chosen else ["+algo=a2c"]), *SMALL, *overrides)

    return make


@pytest.fixture
def small_spec(small_config: Callable[..., Config]) -> Callable[..., Spec]:
    """``small_spec(*overrides)``: its training program."""
    return lambda *overrides: spec_module.make(small_config(*overrides))


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    """Where a run may write."""
    return tmp_path / "run"
