import numpy as np
import pytest
from PIL import Image

from jaxac.loggers import gif


@pytest.mark.parametrize(
    "name, shape",
    [("CartPole-v1", (4,)), ("Acrobot-v1", (6,)), ("MountainCar-v0", (2,)), ("Other", (7,))]
    + [("Catch-bsuite", (10, 5)), ("Breakout-MinAtar", (10, 10, 4)), ("Pong-misc", (30, 40, 3))],
)
def test_every_kind_of_observation_is_drawn(tmp_path, name, shape):
    observations = np.random.default_rng(0).uniform(-1, 1, size=(20, *shape))
    with Image.open(gif.save_gif(name, observations, tmp_path / "a.gif")) as image:
        assert image.n_frames > 10
        image.seek(5)
        assert len(np.unique(np.asarray(image.convert("RGB")).reshape(-1, 3), axis=0)) > 1


def test_a_long_episode_is_thinned_out(tmp_path):
    observations = np.random.default_rng(0).uniform(-1, 1, size=(1000, 4))
    with Image.open(gif.save_gif("CartPole-v1", observations, tmp_path / "a.gif")) as image:
        assert image.n_frames <= 250


def test_the_cart_is_where_it_is(tmp_path):
    left, right = (gif._frame("CartPole-v1", np.array([x, 0, 0, 0])) for x in (-1.2, 1.2))
    columns = [np.flatnonzero((np.asarray(image) < 100).all(-1).sum(0) > 20).mean() for image in (left, right)]
    assert columns == pytest.approx([100, 300], abs=2)
