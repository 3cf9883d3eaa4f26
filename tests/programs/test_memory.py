import sys

import pytest

from jaxac import spec
from jaxac.config.compose import make_config
from jaxac.devices import machine
from jaxac.errors import ConfigError
from jaxac.programs import memory

DELAYED = ("+algo=a3c", "algo.num_shards=2", "algo.delay.distribution=constant", "algo.delay.mean=1")
GROUPS = ("+algo=a3c", "algo.num_shards=2", "algo.server=softsync", "total_env_steps=3e6")
CULPRITS = {
    ("env.num_envs=1000000",): "env.num_envs=1000000",
    ("network.hidden_sizes=[3000,3000]",): "network.hidden_sizes=[3000,3000]",
    ("evaluation.episodes=10000000",): "evaluation.episodes=10000000",
    ("algo.unroll_length=1000000",): "algo.unroll_length=1000000",
    (*DELAYED, "algo.delay.maximum=1000000"): "algo.delay.maximum=1000000",
    (*GROUPS, "algo.softsync_size=100000"): "algo.softsync_size=100000",
    ("network.hidden_sizes=[256]", "+algo=a3c", "env.num_envs=8192", "algo.num_shards=8192"): "algo.num_shards=8192",
}


@pytest.fixture
def little_memory(monkeypatch):
    monkeypatch.setattr(machine, "memory_bytes", lambda: 100_000_000)


@pytest.mark.parametrize("overrides", CULPRITS, ids=lambda overrides: overrides[-1])
def test_the_setting_whose_lowering_helps_is_named(small_config, small_spec, little_memory, overrides):
    with pytest.raises(ConfigError) as error:
        memory.check(small_config(*overrides), small_spec(*overrides))
    said = str(error.value)
    assert said.startswith(f"{CULPRITS[overrides]} needs about ")
    assert "lower it" in said


def test_what_fits_is_left_alone(small_config, small_spec, little_memory):
    for overrides in ((), ("+algo=a3c", "algo.num_shards=4")):
        memory.check(small_config(*overrides), small_spec(*overrides))
    sizes = "network.arguments={hidden_sizes: [8], activation: tanh}"
    own = make_config("+algo=a2c", "env.num_envs=8", sizes, "network=own", "network.name=tests.own_parts:ours")
    memory.check(own, spec.make(own))


def test_the_value_that_is_named_fits(small_config, small_spec, little_memory):
    with pytest.raises(ConfigError, match="lower it to about") as error:
        memory.check(small_config("evaluation.episodes=10000000"), small_spec("evaluation.episodes=10000000"))
    fewer = f"evaluation.episodes={str(error.value).rpartition(' ')[2].rstrip('.')}"
    memory.check(small_config(fewer), small_spec(fewer))


@pytest.mark.parametrize("overrides, culprit", [(("num_seeds=50",), "num_seeds=20000"), ((), "max_lanes=20000")])
def test_lanes_are_counted(small_config, small_spec, little_memory, overrides, culprit):
    with pytest.raises(ConfigError, match=f"{culprit} needs about"):
        memory.check(small_config(*overrides), small_spec(*overrides), lanes=20_000)


def test_a_container_may_have_less_memory_than_its_machine(monkeypatch):
    whole = machine.memory_bytes()
    monkeypatch.setattr(machine, "_limits", lambda: [1000])
    assert machine.memory_bytes() == 1000 < whole < sys.maxsize


def test_starts_of_episodes_count_for_each_step_only_where_they_are_drawn_ahead(small_config, small_spec):
    def needed(name):
        overrides = f"env.name=tests.probe_envs:{name}", "algo.unroll_length=50"
        return sum(part.bytes for part in memory.parts(small_config(*overrides), small_spec(*overrides)))

    state = 2 * 4  # a clock and a sign, of 8 environments in 50 steps
    assert needed("Endless") - needed("EndlessByNeed") == memory._OF_A_STEP * 50 * 8 * state
