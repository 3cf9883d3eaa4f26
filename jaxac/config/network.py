"""Checks of section ``network``: sizes that can be drawn, and what the fused kernels cannot do."""

import itertools

from jaxac.config.algos import AnyAlgo
from jaxac.config.parts import AnyNetwork, NetworkConfig
from jaxac.config.words import show
from jaxac.errors import ConfigError

_MAX_WEIGHTS = 2**32 - 1
"""The most numbers that one key draws."""
_GATES = 4
"""The most numbers a unit that a cell takes from its input in one product: an LSTM's."""


def check(network: AnyNetwork, algo: AnyAlgo) -> None:
    """Raises ConfigError if a network of ours is too large, or has what ``algo`` cannot work with."""
    if not isinstance(network, NetworkConfig):
        return
    for inputs, units in itertools.pairwise(network.hidden_sizes):
        if inputs * units > _MAX_WEIGHTS:
            raise ConfigError(
                f"network.hidden_sizes={show(network.hidden_sizes)} makes a layer of {inputs} × {units} weights, and "
                f"{_MAX_WEIGHTS} are the most; lower one of them."
            )
    if network.memory != "none":
        _check_size(network)
    if len(set(network.remember)) < len(network.remember):
        raise ConfigError(f"network.remember={show(network.remember)} names one twice; name each once.")
    if algo.kernel == "fused":
        _check_kernel(network)


def _check_size(network: NetworkConfig) -> None:
    units, inputs = network.memory_size, max(network.memory_size, *network.hidden_sizes[-1:], 1)
    if inputs * units * _GATES > _MAX_WEIGHTS:
        raise ConfigError(
            f"network.memory_size={units} makes a product of {inputs} × {_GATES * units} weights, and {_MAX_WEIGHTS} "
            "are the most; lower it."
        )


def _check_kernel(network: NetworkConfig) -> None:
    for name, value, nothing in (("memory", network.memory, "none"), ("remember", network.remember, ())):
        if value != nothing:
            raise ConfigError(
                f"network.{name}={show(value)} is nothing that algo.kernel=fused knows; choose "
                f"network.{name}={show(nothing)} or algo.kernel=xla."
            )
