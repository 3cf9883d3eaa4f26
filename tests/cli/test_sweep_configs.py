"""What is composed faster is what Hydra composes."""

import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import OmegaConf

from jaxac.cli import sweep_configs
from jaxac.config.compose import CONF

GOOD = [
    ["algo=a2c", "seed=1", "optimizer.learning_rate=1e-3"],
    ["algo=a2c", "seed=2", "optimizer.learning_rate=3e-4"],
    ["seed=3", "algo=a2c", "seed=4"],
    ["algo=a3c", "optimizer=rmsprop", "algo.num_shards=2", "optimizer.decay=0.9"],
    ["optimizer.decay=0.9", "algo=a3c", "optimizer=rmsprop"],
    ["algo=a2c", "network.hidden_sizes=[8,8]", "logger.wandb.tags=[a,'b, c']", "logger.wandb.name='x=1, y'"],
    ["algo=a2c", "env.num_envs=${seed}", "evaluation.stop_at_return=null"],
    ["algo=a2c", "+env.params.gravity=9.0", "seed=1"],
    ["algo=a2c", "++seed=5"],
    ["algo=a2c", "~env.stagger_starts"],
    ["algo=a2c", "env={num_envs:8}"],
    ["algo=a2c", "env.num_envs=16", "env={num_envs:8}"],
    ["algo=a2c", "hydra.job.chdir=false", "seed=1"],
    ["+experiment=quick", "seed=6"],
]
BAD = [
    ["algo=a2c", "sede=1"],
    ["algo=a2c", "optimizer.learning_rat=1"],
    ["algo=a4c", "seed=1"],
    ["optimizer=adan", "seed=1"],
    ["algo=a2c", "+seed=1"],
    ["algo=a2c", "~sede"],
    ["algo=a2c", "seed.x=1"],
    ["algo=a2c", "seed=1,2"],
]


@pytest.fixture
def compose():
    """``compose(overrides, faster)``"""
    with initialize_config_dir(CONF, version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        hydra = ["hydra.sweep.dir=x", "hydra.job.config.override_dirname.exclude_keys=[seed]"]
        master = loader.load_configuration("config", [*hydra, "algo=a2c", "seed=1,2"], RunMode.MULTIRUN)
        asked = loader.load_sweep_config
        sweep_configs.compose_once(loader)
        yield lambda overrides, faster: (loader.load_sweep_config if faster else asked)(master, overrides)


def flags(node):
    """Of every mapping, what may be done to it."""
    inside = {key: flags(node._get_node(key)) for key in node} if OmegaConf.is_dict(node) else {}
    return node._get_flag("struct"), node._get_flag("readonly"), inside


def test_a_job_is_what_hydra_composes(compose):
    for overrides in [*GOOD, *GOOD]:  # the second time from what is remembered
        faster, asked = (compose(overrides, faster) for faster in (True, False))
        assert OmegaConf.to_yaml(faster) == OmegaConf.to_yaml(asked), overrides
        assert flags(faster) == flags(asked)
        assert OmegaConf.get_cache(faster) == OmegaConf.get_cache(asked)


@pytest.mark.parametrize("overrides", BAD, ids=" ".join)
def test_a_mistake_is_the_one_hydra_finds(compose, overrides):
    with pytest.raises(HydraException) as faster:
        compose(overrides, True)
    with pytest.raises(HydraException) as asked:
        compose(overrides, False)
    assert (type(faster.value), str(faster.value)) == (type(asked.value), str(asked.value))


def test_files_are_read_once(compose, monkeypatch):
    compose(GOOD[0], True)
    monkeypatch.setattr(OmegaConf, "load", None)
    assert compose(GOOD[1], True).seed == 2


def test_jobs_share_nothing(compose):
    first, second = compose(GOOD[0], True), compose(GOOD[1], True)
    first.optimizer.learning_rate = 1.0
    assert second.optimizer.learning_rate == 3e-4
    assert compose(GOOD[0], True).optimizer.learning_rate == 1e-3
