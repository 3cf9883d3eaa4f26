"""Checks of section ``network``: sizes of layers, and whether convolutions fit what they look at."""

import itertools

from jaxac.config.parts import ConvNetworkConfig, NetworkConfig
from jaxac.config.words import show
from jaxac.errors import ConfigError

_MAX_WEIGHTS = 2**32 - 1  # numbers that one key draws


def check(network: NetworkConfig) -> None:
    """Raises ConfigError if layers of these sizes cannot be made."""
    sizes = network.hidden_sizes
    for inputs, units in itertools.pairwise(sizes):
        if inputs * units > _MAX_WEIGHTS:
            raise ConfigError(
                f"network.hidden_sizes={show(sizes)} makes a layer of {inputs} × {units} weights, and {_MAX_WEIGHTS} "
                "are the most; lower one of them."
            )
    if isinstance(network, ConvNetworkConfig):
        _check_layers(network)


def _check_layers(network: ConvNetworkConfig) -> None:
    number = len(network.filters)
    for name in ("kernel_sizes", "strides"):
        value = getattr(network, name)
        if len(value) != number:
            raise ConfigError(
                f"network.{name}={show(value)} is for {len(value)} convolutions, and network.filters="
                f"{show(network.filters)} makes {number}; give as many numbers in both."
            )


def check_observation(network: ConvNetworkConfig, env: str, shape: tuple[int, ...]) -> None:
    """Raises ConfigError if convolutions cannot look at observations of this shape.

    Args:
        network: the convolutions.
        env: the environment's name.
        shape: the shape of its observations; ``(H, W, C)`` of an image.
    """
    if len(shape) != 3:
        raise ConfigError(
            f"network=conv looks at images [height, width, channels], and env.name={env} observes {show(shape)}; "
            "choose network=separate."
        )
    for kernel, (height, width) in zip(network.kernel_sizes, network.sides(*shape[:2]), strict=True):
        if min(height, width) < 1:
            sizes = f"network.kernel_sizes={show(network.kernel_sizes)} with network.strides={show(network.strides)}"
            raise ConfigError(
                f"{sizes} leaves nothing of an image of {shape[0]} × {shape[1]}, the observation of env.name={env}, "
                f"for the kernel of {kernel}; use fewer or smaller ones."
            )
