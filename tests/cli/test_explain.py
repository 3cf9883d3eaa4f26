import pytest

from jaxac.cli import explain
from jaxac.config import settings
from jaxac.errors import ConfigError


def test_help_lists_every_setting():
    said = explain.overview()
    for name, several in settings.table().items():
        assert several[0].is_section or name == "algo.name" or f"  {name}=" in said
    assert max(map(len, said.splitlines())) <= 120
    assert "  network.hidden_sizes=[64,64]" in said and "  algo.num_shards=1 " in said
    assert "(algo=a3c) With runtime=threads: apply gradients" in said


def test_a_setting_is_explained():
    said = explain.one("algo.discount")
    assert said.startswith(
        "algo.discount=0.99   (algo=a2c and algo=a3c)\n  γ, how much a reward one step later is worth."
    )
    both = explain.one("algo.num_shards")
    assert "algo.num_shards=1   (algo=a2c)" in both and "algo.num_shards=16   (algo=a3c)" in both
    assert "WANDB_MODE" in explain.one("logger.wandb.mode=offline")


def test_a_section_is_explained_setting_by_setting():
    said = explain.one("algo.delay")
    assert [line.partition("=")[0] for line in said.splitlines() if "=" in line and line[0] != " "] == [
        "algo.delay.distribution",
        "algo.delay.mean",
        "algo.delay.maximum",
    ]


def test_what_is_no_setting_is_not_explained():
    with pytest.raises(ConfigError, match=r"lr is not a setting; did you mean optimizer\.learning_rate\?"):
        explain.one("lr")
