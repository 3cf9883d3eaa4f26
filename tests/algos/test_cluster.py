"""What a run with Ray's learners needs, told without Ray."""

import sys

import pytest

from jaxac.algos.realtime import cluster
from jaxac.devices import machine
from jaxac.errors import ConfigError


@pytest.fixture
def algo(small_config):
    return small_config("+algo=a3c", "algo.num_shards=2", "algo.runtime=ray").algo


def test_a_missing_extra_is_named_before_anything_starts(algo, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigError, match=r"^algo\.runtime=ray needs Ray, .* pip install 'jaxac\[ray\]'") as error:  # noqa: SIM117
        with cluster.joined([algo]):
            pytest.fail("the block was entered")
    assert "\n" not in str(error.value)


def test_an_accelerator_is_not_left_idle_in_silence(algo, monkeypatch):
    monkeypatch.setattr(machine, "has_accelerator", lambda: True)
    monkeypatch.setitem(sys.modules, "ray", object())
    with pytest.raises(ConfigError, match="set JAX_PLATFORMS=cpu in the environment"):
        cluster.library()


def test_other_runtimes_have_nothing_to_do_with_ray(small_config, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with cluster.joined(
        [small_config().algo, small_config("+algo=a3c", "algo.num_shards=2", "algo.runtime=threads").algo]
    ):
        pass
