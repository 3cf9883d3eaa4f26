"""The picture of a learning curve, of one seed and of several."""

import pytest
from matplotlib.figure import Figure

from jaxac.loggers import learning_curve


@pytest.fixture
def axes(monkeypatch, tmp_path):
    """``axes(rows)``: what was drawn of them."""
    figures = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, path: figures.append(figure))

    def draw(rows):
        learning_curve.save(rows, "title", 475.0, tmp_path / "curve.png")
        return figures[-1].axes[0]

    return draw


def row(steps, mean, half, seeds=4):
    found = {"env_steps": steps, "seeds": seeds}
    for name in ("train/episode_return", "eval/return_mean"):
        found |= {name: mean, f"{name}_low": mean - half, f"{name}_high": mean + half}
    return found


def test_where_fewer_seeds_train_there_is_a_line(axes):
    drawn = axes([row(100, 20, 5), row(200, 300, 50), row(300, 400, 50, seeds=3), row(400, 490, 9, seeds=1)])
    assert "from here fewer seeds train" in drawn.get_legend_handles_labels()[1]
    assert [line.get_xdata()[0] for line in drawn.lines if line.get_linestyle() == ":"] == [300]


def test_where_all_seeds_train_there_is_none(axes):
    drawn = axes([row(100, 20, 5), row(200, 300, 50)])
    assert not any("fewer" in label for label in drawn.get_legend_handles_labels()[1])


def test_an_interval_of_two_seeds_does_not_squash_the_curve(axes):
    low, high = axes([row(100, 20, 5), row(200, 300, 4000), row(300, 490, 9)]).get_ylim()
    assert -150 < low < 20 and 490 < high < 650


def test_a_band_is_drawn_where_its_bound_is_zero(axes):
    drawn = axes([row(100, 5, 5), row(200, 6, 6)])
    assert len(drawn.collections) == 2


def test_without_a_return_there_is_a_picture_and_no_warning(axes):
    assert axes([{"env_steps": 100, "train/episode_return": None}]).get_ylabel() == "episode return"
