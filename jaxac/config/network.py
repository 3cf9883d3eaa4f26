"""Checks of section ``network``: sizes of layers and cells, and whether convolutions fit what they look at."""

import itertools

from jaxac.config.algos import AnyAlgo
from jaxac.config.parts import ConvNetworkConfig, NetworkConfig
from jaxac.config.words import show
from jaxac.errors import ConfigError

_MAX_WEIGHTS = 2**32 - 1  # numbers that one key draws
_GATES = 4
"""The most numbers a unit that a cell takes from its input in one product: an LSTM's."""


def check(network: NetworkConfig, algo: AnyAlgo) -> None:
    """Raises ConfigError if layers or cells of these sizes cannot be made, or ``algo`` cannot work with them."""
    sizes = network.hidden_sizes
    for inputs, units in itertools.pairwise(sizes):
        if inputs * units > _MAX_WEIGHTS:
            raise ConfigError(
                f"network.hidden_sizes={show(sizes)} makes a layer of {inputs} × {units} weights, and {_MAX_WEIGHTS} "
                "are the most; lower one of them."
            )
    if isinstance(network, ConvNetworkConfig):
        _check_layers(network)
    if network.memory != "none":
        _check_cell(network)
    if len(set(network.remember)) < len(network.remember):
        raise ConfigError(f"network.remember={show(network.remember)} names one twice; name each once.")
    if algo.kernel == "fused":
        _check_kernel(network)


def _check_layers(network: ConvNetworkConfig) -> None:
    number = len(network.filters)
    for name in ("kernel_sizes", "strides"):
        value = getattr(network, name)
        if len(value) != number:
            raise ConfigError(
                f"network.{name}={show(value)} is for {len(value)} convolutions, and network.filters="
                f"{show(network.filters)} makes {number}; give as many numbers in both."
            )
    if network.remember:
        raise ConfigError(
            f"network.remember={show(network.remember)} is no image, at which network=conv looks; choose "
            "network.remember=[] or network=separate."
        )


def _check_cell(network: NetworkConfig) -> None:
    units, inputs = network.memory_size, max(network.memory_size, *network.hidden_sizes[-1:], 1)
    if inputs * units * _GATES > _MAX_WEIGHTS:
        raise ConfigError(
            f"network.memory_size={units} makes a product of {inputs} × {_GATES * units} weights, and {_MAX_WEIGHTS} "
            "are the most; lower it."
        )


def _check_kernel(network: NetworkConfig) -> None:
    if isinstance(network, ConvNetworkConfig):
        raise ConfigError(
            "network=conv has convolutions, and algo.kernel=fused knows only dense layers; choose algo.kernel=xla."
        )
    for name, value, nothing in (("memory", network.memory, "none"), ("remember", network.remember, ())):
        if value != nothing:
            raise ConfigError(
                f"network.{name}={show(value)} is nothing that algo.kernel=fused knows; choose "
                f"network.{name}={show(nothing)} or algo.kernel=xla."
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
