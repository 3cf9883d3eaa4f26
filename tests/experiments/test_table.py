"""The table of scores: its rows can be trained, and its page says what was measured."""

import json

import numpy as np
import pytest

from experiments import table, table_page
from experiments.table_rows import ROWS
from jaxac.config.compose import make_config


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if not row.pending])
def test_every_row_composes(name):
    config = make_config("+algo=a2c", *ROWS[name].overrides, "num_seeds=30", f"seed={table.FIRST_SEED}")
    assert min(config.seeds) >= 200, "seeds below are tuned on"


def test_the_interquartile_mean_leaves_out_both_quarters():
    scores = [1000.0, 3.0, 1.0, 2.0, -1000.0, 4.0, 5.0, 6.0]
    middle, low, high = table.interquartile(scores)
    assert middle == 3.5 and low < 3.5 < high
    assert table.interquartile([2.0] * 8) == (2.0, 2.0, 2.0)


SMALL = ("env=cartpole", "env.num_envs=8", "total_env_steps=2560", "logger.wandb.mode=disabled")


@pytest.mark.slow
def test_a_row_is_trained_stopped_resumed_and_told(tmp_path, monkeypatch):
    def given(*overrides):
        monkeypatch.setitem(ROWS, "CartPole", ROWS["CartPole"]._replace(overrides=overrides))

    monkeypatch.setattr(table, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(table_page, "PAGE", tmp_path / "table.md")
    monkeypatch.setattr(table_page, "FIGURE", tmp_path / "table.png")
    given(*SMALL, "stop_after_updates=5")
    assert table.train("CartPole", 2)["sampled"] == [None, None]
    given(*SMALL)
    found = table.train("CartPole", 2)
    assert len(found["sampled"]) == len(found["greedy"]) == len(found["collapsed"]) == 2
    assert len(found["curve"]["returns"][0]) == len(found["curve"]["env_steps"]) > 1
    more = table.added(found, table.train("CartPole", 1, table.FIRST_SEED + 2))
    assert more["sampled"] == table.train("CartPole", 3)["sampled"]
    assert len(more["greedy"]) == len(more["collapsed"]) == len(more["curve"]["returns"]) == 3
    result = json.loads(json.dumps(found | {"summary": table.summary(found)}))
    assert result["summary"]["mean"][0] == pytest.approx(np.mean(found["sampled"]))
    page = table_page.write({"CartPole": result}).read_text()
    assert f"python -m jaxac.train +algo=a2c {' '.join(SMALL)} num_seeds=2 seed=1000" in page
    assert (
        "| CartPole | 0.00256 M | 2 | " in page
        and "| CartPole | 500 | A2C, rl-baselines3-zoo benchmark.md | 0.5 M | 1 run |" in page
    )
    assert (tmp_path / "table.png").stat().st_size > 1000
