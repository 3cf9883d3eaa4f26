"""Strictness for every test, and four CPU devices to spread shards over."""

import gc
import os

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=4"
os.environ["NPROC"] = "16"  # with fewer threads than devices, programs with collectives can deadlock on the CPU
os.environ["WANDB_MODE"] = "disabled"

from collections.abc import Callable, Iterator
from pathlib import Path

import jax
import pytest

from jaxac import programs
from jaxac import spec as spec_module
from jaxac.config.compose import make_config
from jaxac.config.schema import Config
from jaxac.spec import Spec

jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture(scope="session", autouse=True)
def compilation_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Programs that several tests compile are compiled once a session, in this process and in those it starts."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    path = str(shared / "xla")
    os.environ["JAXAC_TEST_CACHE"] = path
    jax.config.update("jax_compilation_cache_dir", path)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)


@pytest.fixture(scope="module", autouse=True)
def forget_programs() -> Iterator[None]:
    """Hundreds of compiled programs in one process run out of memory mappings, and then crash the compiler."""
    yield
    programs.forget()
    jax.clear_caches()
    gc.collect()


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
