"""Parts of a run that may be ours or a user's own: networks, optimizers, terms of the objective."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag

from jaxac.config.arguments import Arguments
from jaxac.config.fields import (
    FORBID_EXTRA,
    Count,
    Decay,
    ImportPath,
    NonNegative,
    Number,
    Positive,
)


@dataclass(frozen=True)
class NetworkConfig:
    """Section ``network`` for multilayer perceptrons. The settings: ``conf/network/``."""

    __pydantic_config__ = FORBID_EXTRA
    shared: bool
    hidden_sizes: Annotated[tuple[Count, ...], Field(max_length=100)]
    activation: Literal["elu", "gelu", "relu", "silu", "tanh"]


def _side(size: int, kernel: int, stride: int) -> int:
    """Places of a kernel along an image's side."""
    return (size - kernel) // stride + 1


Layers = Annotated[tuple[Count, ...], Field(min_length=1, max_length=100)]
"""A number a layer."""


@dataclass(frozen=True)
class ConvNetworkConfig(NetworkConfig):
    """Section ``network`` for convolutions before the dense layers. The settings: ``conf/network/conv.yaml``."""

    filters: Layers
    kernel_sizes: Layers
    strides: Layers

    def sides(self, height: int, width: int) -> list[tuple[int, int]]:
        """Height and width behind each convolution; not positive where its kernel is larger than what it sees.

        >>> ConvNetworkConfig(True, (512,), "relu", (32, 64, 64), (8, 4, 3), (4, 2, 1)).sides(84, 84)
        [(20, 20), (9, 9), (7, 7)]
        """
        found = []
        for kernel, stride in zip(self.kernel_sizes, self.strides, strict=True):
            height, width = _side(height, kernel, stride), _side(width, kernel, stride)
            found.append((height, width))
        return found


@dataclass(frozen=True)
class OwnNetworkConfig:
    """Section ``network`` for a network of the user's own. The settings: ``conf/network/own.yaml``."""

    __pydantic_config__ = FORBID_EXTRA
    name: ImportPath
    arguments: Arguments
    flatten: bool


def _one_of_ours(value: Any) -> Any:
    if isinstance(value, str) and ("." in value or ":" in value):
        raise ValueError("an optimizer by import path needs optimizer=own beside it")
    return value


@dataclass(frozen=True)
class OptimizerConfig:
    """Section ``optimizer``, the part that all optimizers share. The settings: ``conf/optimizer/``."""

    __pydantic_config__ = FORBID_EXTRA
    name: str
    learning_rate: NonNegative | None
    schedule: Literal["constant", "linear"]
    anneal_env_steps: Positive | None
    max_grad_norm: Positive | None


@dataclass(frozen=True)
class AdaptiveOptimizerConfig(OptimizerConfig):
    """Section ``optimizer`` for Adam and RMSProp. The settings: ``conf/optimizer/``."""

    name: Annotated[Literal["adam", "rmsprop"], BeforeValidator(_one_of_ours)]
    epsilon: Positive
    decay: Decay
    momentum: Decay


@dataclass(frozen=True)
class OwnOptimizerConfig(OptimizerConfig):
    """Section ``optimizer`` for a factory of optax's or the user's own. The settings: ``conf/optimizer/own.yaml``."""

    name: ImportPath
    arguments: Arguments


def _term_name(value: str) -> str:
    if not value.isidentifier() or value in ("policy", "value"):
        raise ValueError("give a name of letters, digits and _ that is neither policy nor value")
    return value


def _two_settings(value: Any) -> Any:
    if not isinstance(value, dict | LossTermConfig):
        raise ValueError("give two settings below it, function=package.module:name and weight=0.01")
    return value


@dataclass(frozen=True)
class LossTermConfig:
    """One entry of ``algo.loss_terms``: a user's own term of the objective."""

    __pydantic_config__ = FORBID_EXTRA
    function: ImportPath
    weight: Number


LossTerms = dict[Annotated[str, AfterValidator(_term_name)], Annotated[LossTermConfig, BeforeValidator(_two_settings)]]
"""The user's own terms of the objective, by name."""
_OURS, _OWN, _CONV = "(ours)", "(own)", "(conv)"


def _ours_have(setting: str) -> Discriminator:
    """A discriminator that tells our parts from a user's own by a setting that only ours have."""
    return Discriminator(lambda raw: _OWN if isinstance(raw, dict) and setting not in raw else _OURS)


def _kind_of_network(raw: Any) -> str:
    """Tells a user's own network and convolutions from dense layers by the settings that only they lack or have."""
    if isinstance(raw, dict) and "hidden_sizes" not in raw:
        return _OWN
    return _CONV if isinstance(raw, ConvNetworkConfig) or (isinstance(raw, dict) and "filters" in raw) else _OURS


AnyNetwork = Annotated[
    Annotated[NetworkConfig, Tag(_OURS)]
    | Annotated[ConvNetworkConfig, Tag(_CONV)]
    | Annotated[OwnNetworkConfig, Tag(_OWN)],
    Discriminator(_kind_of_network),
]
AnyOptimizer = Annotated[
    Annotated[AdaptiveOptimizerConfig, Tag(_OURS)] | Annotated[OwnOptimizerConfig, Tag(_OWN)], _ours_have("epsilon")
]
