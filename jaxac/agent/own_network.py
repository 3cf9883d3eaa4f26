"""A user's own network: any flax module that computes a policy and a value from an observation."""

import functools
import inspect
import math
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxac.agent import networks
from jaxac.agent.networks import Network
from jaxac.config import import_path
from jaxac.config.parts import OwnNetworkConfig
from jaxac.errors import ConfigError
from jaxac.types import Array, PRNGKey, PyTree

_LEADING = ((), (2,), (3, 2))
"""Leading axes that a network is tried on: none, ``[B]`` and ``[T, B]``."""


def make(config: OwnNetworkConfig, observation_shape: tuple[int, ...], num_actions: int) -> Network:
    """The network at the import path ``config.name``.

    Args:
        config: the network's settings.
        observation_shape: the environment's own shape of an observation.
        num_actions: number of the policy's parameters: of actions, or two for each number of a continuous one.

    Raises:
        ConfigError: if it cannot be imported, is not a flax module, or its shapes are wrong.
    """
    with jax.ensure_compile_time_eval():  # outside of any surrounding trace: modules may make arrays
        factory = import_path.load("network.name", config.name)
        return _make(factory, config, observation_shape, num_actions)


@functools.lru_cache(maxsize=64)
def _make(
    factory: Callable[..., Any], config: OwnNetworkConfig, observation_shape: tuple[int, ...], num_actions: int
) -> Network:
    """The network that ``factory`` makes, checked; cached, because tracing a program asks for it several times."""
    module, size = _module(factory, config, num_actions), math.prod(observation_shape)

    def seen(observation: Array) -> Array:
        return observation if config.flatten else observation.reshape(*observation.shape[:-1], *observation_shape)

    def init(key: PRNGKey) -> PyTree:
        return module.init(key, seen(jnp.zeros((size,)))).get("params", {})

    def apply(weights: PyTree, observation: Array) -> tuple[Array, Array]:
        outputs: Any = module.apply({"params": weights}, seen(observation))
        policy, value = outputs
        return policy.astype(jnp.float32), value.astype(jnp.float32)

    for leading in _LEADING:
        _check(config.name, module, seen, (*leading, size), num_actions)
    return networks.memoryless(init, apply)


def _module(factory: Callable[..., Any], config: OwnNetworkConfig, num_actions: int) -> nn.Module:
    arguments = config.arguments.as_keywords()
    try:
        if "num_actions" in inspect.signature(factory).parameters:
            arguments = {"num_actions": num_actions, **arguments}
        module = factory(**arguments)
    except Exception as error:
        raise ConfigError(
            f"network.name={config.name} cannot be made of {arguments}: {import_path.explain(error)}; set "
            "network.arguments to what it takes."
        ) from error
    if not isinstance(module, nn.Module):
        raise ConfigError(
            f"network.name={config.name} makes a {type(module).__name__}, which is no flax.linen.Module; give the "
            "import path of one."
        )
    return module


def _check(
    name: str, module: nn.Module, seen: Callable[[Array], Array], shape: tuple[int, ...], num_actions: int
) -> None:
    """Raises ConfigError if the module does not fit observations ``[..., O]`` of this shape. Computes shapes only."""
    observation = jax.eval_shape(seen, jax.ShapeDtypeStruct(shape, jnp.float32))
    variables = _tried(name, module.init, jax.random.key(0), observation)
    besides = sorted(set(variables) - {"params"})
    if besides:
        raise ConfigError(
            f"network.name={name} keeps {' and '.join(besides)} besides its parameters, which nothing would update; "
            "do without, LayerNorm in place of BatchNorm for example."
        )
    if any(leaf.dtype != jnp.float32 for leaf in jax.tree.leaves(variables)):
        raise ConfigError(
            f"network.name={name} has parameters that are not float32; keep param_dtype, and compute in another dtype."
        )
    outputs = _tried(name, module.apply, {"params": variables.get("params", {})}, observation)
    if not isinstance(outputs, tuple | list) or len(outputs) != 2:
        raise ConfigError(
            f"network.name={name} must return two arrays: (the policy's parameters [..., A], the value [...])."
        )
    for what, output, expected in zip(
        ("policy parameters", "a value"), outputs, ((*shape[:-1], num_actions), shape[:-1]), strict=True
    ):
        if getattr(output, "shape", None) != expected:
            raise ConfigError(
                f"network.name={name} returns {what} of shape {_shape(output)} for observations "
                f"{list(observation.shape)}; return {list(expected)}."
            )


def _tried(name: str, function: Callable[..., Any], first: PyTree, observation: jax.ShapeDtypeStruct) -> Any:
    """The shapes of ``function(first, observation)``; an error in the user's code becomes a ConfigError."""
    try:
        return jax.eval_shape(function, first, observation)
    except Exception as error:
        raise ConfigError(
            f"network.name={name} cannot be applied to observations {list(observation.shape)}: "
            f"{import_path.explain(error)}; it must take any number of leading axes."
        ) from error


def _shape(output: Any) -> str:
    return str(list(output.shape)) if hasattr(output, "shape") else f"unknown ({type(output).__name__})"
