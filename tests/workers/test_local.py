"""Devices of workers on this machine, told without starting any."""

import pytest

from jaxac.devices import machine
from jaxac.errors import ConfigError
from jaxac.workers import local, on_ray


@pytest.fixture
def gpus(monkeypatch):
    """``gpus(names)``: a machine with these GPUs."""

    def have(names):
        monkeypatch.setattr(machine, "has_accelerator", lambda: True)
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", names)

    return have


def test_each_worker_has_a_gpu_of_its_own(gpus, tmp_path):
    gpus("2,5, MIG-3")
    workers = local.Local(3, {"JAX_X": "y"}, tmp_path)
    assert [each["CUDA_VISIBLE_DEVICES"] for each in workers._environments] == ["2", "5", "MIG-3"]
    assert {each["JAX_X"] for each in workers._environments} == {"y"}


@pytest.mark.parametrize("names, have", [("0", "1 NVIDIA GPU;"), ("", "0 NVIDIA GPUs;")])
def test_more_workers_than_gpus_are_refused(gpus, tmp_path, names, have):
    gpus(names)
    with pytest.raises(ConfigError, match=r"^hydra\.launcher\.workers=2 needs a device for each worker, .*" + have):
        local.Local(2, {}, tmp_path)


def test_without_gpus_each_worker_has_an_equal_share_of_the_cores(monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "has_accelerator", lambda: False)
    monkeypatch.setattr(machine, "num_cores", lambda: 7)
    assert local.Local(2, {}, tmp_path).cores == 3
    with pytest.raises(ConfigError, match=r"this process has 7 cores; give at most 7"):
        local.Local(8, {}, tmp_path)


def test_gpus_are_listed_without_jax(monkeypatch, tmp_path):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    program = tmp_path / "nvidia-smi"
    program.write_text('#!/bin/sh\necho "GPU 0: NVIDIA H100 (UUID: a)"\necho "GPU 1: NVIDIA H100 (UUID: b)"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert machine.nvidia_gpus() == ["0", "1"]
    program.unlink()
    assert machine.nvidia_gpus() == []
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    assert machine.nvidia_gpus() == ["3"]


NULL = {"num_cpus": None, "num_gpus": None}


@pytest.mark.parametrize(
    "count, settings, machines, needs",
    [
        (2, NULL, [{"CPU": 8.0}], (4, 0)),
        (8, NULL, [{"CPU": 4.0}], (1, 0)),
        (3, NULL, [{"CPU": 64.0}, {"CPU": 64.0}], (42, 0)),
        (1, NULL, [{"CPU": 64.0}, {"CPU": 32.0}], (64, 0)),
        (8, NULL, [{"CPU": 64.0, "GPU": 8.0}], (8, 1)),
        (8, {"num_cpus": 2, "num_gpus": 0.5}, [{"CPU": 64.0, "GPU": 4.0}], (2, 0.5)),
    ],
)
def test_a_worker_of_rays_has_its_share_of_a_machine(count, settings, machines, needs, monkeypatch):
    monkeypatch.delenv("JAX_PLATFORMS", raising=False)
    assert on_ray._needs(count, settings, machines) == needs


def test_where_jax_is_to_compute_on_the_cpu_no_gpu_is_taken(monkeypatch):
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    machines = [{"CPU": 64.0, "GPU": 8.0}]
    assert on_ray._needs(8, NULL, machines) == (8, 0)
    assert on_ray._needs(8, {**NULL, "num_gpus": 1}, machines) == (8, 1)


@pytest.mark.parametrize("settings", [{"num_cpus": 9}, {"num_gpus": 1}])
def test_what_no_machine_of_rays_has_is_refused(settings):
    with pytest.raises(ConfigError, match="are more than any machine of the cluster has"):
        on_ray._needs(1, {**NULL, **settings}, [{"CPU": 8.0}, {"CPU": 8.0}])
