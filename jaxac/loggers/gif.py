"""Drawings of an episode from its observations, as an animated GIF."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

_SIZE = (400, 266)
_MAX_FRAMES = 250
_STEP_MILLISECONDS = 20
_INK, _ACCENT, _PAPER = (40, 44, 52), (200, 90, 40), (255, 255, 255)
Draw = Callable[[ImageDraw.ImageDraw, np.ndarray], None]


def save_gif(env_name: str, observations: np.ndarray, path: Path) -> Path:
    """Draws an episode, in at most 250 evenly spaced frames.

    Args:
        env_name: the environment's name; those in ``_VECTORS`` have drawings of their own.
        observations: [steps, ...] the observations of one episode, in the environment's own shape.
        path: the file to write.

    Returns:
        ``path``.
    """
    stride = -(-len(observations) // _MAX_FRAMES)
    frames = [_frame(env_name, observation) for observation in observations[::stride]]
    first, *rest = [frame.quantize(64) for frame in frames]
    first.save(path, save_all=True, append_images=rest, duration=stride * _STEP_MILLISECONDS, loop=0)
    return path


def _frame(env_name: str, observation: np.ndarray) -> Image.Image:
    if observation.ndim >= 2:
        return _heat_map(observation)
    image = Image.new("RGB", _SIZE, _PAPER)
    _VECTORS.get(env_name, _bars)(ImageDraw.Draw(image), observation)
    return image


def _heat_map(observation: np.ndarray) -> Image.Image:
    """An image of a picture-like observation ``[height, width, ...]``, whose channels become hues."""
    channels = observation.reshape(*observation.shape[:2], -1)
    hue = np.linspace(0, 1, channels.shape[-1], endpoint=False)[:, None] + np.array([[0, 1 / 3, 2 / 3]])
    colors = 0.5 + 0.5 * np.cos(2 * np.pi * hue)
    picture = np.clip(channels @ colors, 0, 1)
    image = Image.fromarray((255 * picture).astype(np.uint8))
    side = _SIZE[1]
    return image.resize((max(1, side * image.width // image.height), side), Image.Resampling.NEAREST)


def _bars(draw: ImageDraw.ImageDraw, observation: np.ndarray) -> None:
    """Draws a vector ``[O]`` without a drawing of its own: one bar per feature, squashed to ±1."""
    width, height = _SIZE
    step = width / len(observation)
    for i, value in enumerate(np.tanh(observation)):
        top, bottom = sorted((height / 2, height / 2 * (1 - 0.9 * float(value))))
        draw.rectangle((i * step + 2, top, max(i * step + 3, (i + 1) * step - 2), bottom), fill=_ACCENT)
    draw.line((0, height / 2, width, height / 2), fill=_INK)


def _cart_pole(draw: ImageDraw.ImageDraw, observation: np.ndarray) -> None:
    width, height = _SIZE
    x, _, theta, _ = (float(value) for value in observation)
    center, ground = width / 2 + x / 2.4 * width / 2, height * 0.75
    draw.line((0, ground, width, ground), fill=_INK)
    draw.rectangle((center - 25, ground - 15, center + 25, ground + 15), fill=_INK)
    tip = (center + 110 * np.sin(theta), ground - 15 - 110 * np.cos(theta))
    draw.line((center, ground - 15, *tip), fill=_ACCENT, width=9)


def _acrobot(draw: ImageDraw.ImageDraw, observation: np.ndarray) -> None:
    width, height = _SIZE
    link = height / 4.6
    angle = float(np.arctan2(observation[1], observation[0]))
    second = angle + float(np.arctan2(observation[3], observation[2]))
    draw.line((0, height / 2 - link, width, height / 2 - link), fill=_INK)  # the height to reach
    pivot = (width / 2, height / 2)
    elbow = (pivot[0] + link * np.sin(angle), pivot[1] + link * np.cos(angle))
    tip = (elbow[0] + link * np.sin(second), elbow[1] + link * np.cos(second))
    draw.line((*pivot, *elbow), fill=_ACCENT, width=8)
    draw.line((*elbow, *tip), fill=_INK, width=8)


def _mountain_car(draw: ImageDraw.ImageDraw, observation: np.ndarray) -> None:
    width, height = _SIZE
    grid = np.linspace(-1.2, 0.6, 100)

    def place(position: float) -> tuple[float, float]:
        return (position + 1.2) / 1.8 * width, height * (0.6 - 0.35 * float(np.sin(3 * position)))

    draw.line([place(float(position)) for position in grid], fill=_INK, width=2)
    x, y = place(float(observation[0]))
    draw.ellipse((x - 10, y - 20, x + 10, y), fill=_ACCENT)
    flag_x, flag_y = place(0.5)
    draw.line((flag_x, flag_y, flag_x, flag_y - 40), fill=_INK, width=3)


def _pendulum(draw: ImageDraw.ImageDraw, observation: np.ndarray) -> None:
    width, height = _SIZE
    cosine, sine = (float(value) for value in observation[:2])
    pivot, length = (width / 2, height / 2), height * 0.4
    tip = (pivot[0] - length * sine, pivot[1] - length * cosine)  # upright where the cosine is 1
    draw.line((*pivot, *tip), fill=_ACCENT, width=12)
    draw.ellipse((pivot[0] - 6, pivot[1] - 6, pivot[0] + 6, pivot[1] + 6), fill=_INK)


_VECTORS: dict[str, Draw] = {
    "CartPole-v1": _cart_pole,
    "Acrobot-v1": _acrobot,
    "MountainCar-v0": _mountain_car,
    "MountainCarContinuous-v0": _mountain_car,
    "Pendulum-v1": _pendulum,
}
