"""A user's own optimizer: made from a learning rate by a factory of optax's, or one like it."""

import inspect

import jax
import jax.numpy as jnp
import optax

from jaxac.config import import_path
from jaxac.config.parts import OwnOptimizerConfig
from jaxac.errors import ConfigError
from jaxac.types import Array, PyTree


def make(config: OwnOptimizerConfig, rate: Array) -> optax.GradientTransformation:
    """The optimizer at the import path ``config.name``, for the learning rate ``rate []``, which may be traced.

    It is made again for every step, with the rate of that step. So the factory may use the rate as it likes, and its
    updates have the sign of a whole optimizer's, which are added to the weights. A factory without a learning rate is
    refused, because it might give a mere direction, with the opposite sign.

    Raises:
        ConfigError: if it cannot be imported, or does not take a learning rate and ``config.arguments``.
    """
    with jax.ensure_compile_time_eval():
        factory = import_path.load("optimizer.name", config.name)
    if not _takes_rate(factory):
        raise ConfigError(
            f"optimizer.name={config.name} does not take learning_rate; give a factory that does, optax.adam rather "
            "than optax.scale_by_adam."
        )
    arguments = config.arguments.as_keywords()
    try:
        made = factory(learning_rate=rate, **arguments)
    except Exception as error:
        raise ConfigError(
            f"optimizer.name={config.name} cannot be made of {arguments}: {import_path.explain(error)}; set "
            "optimizer.arguments to what it takes."
        ) from error
    if not isinstance(made, optax.GradientTransformation):
        raise ConfigError(
            f"optimizer.name={config.name} makes a {type(made).__name__}, which is no optax.GradientTransformation; "
            "give the import path of a factory of one."
        )
    return made


def check(config: OwnOptimizerConfig, weights: PyTree, lock: bool) -> None:
    """Tries a step on shapes.

    Args:
        config: the optimizer's settings.
        weights: the network's weights.
        lock: True if the server makes one step at a time; without ``algo.lock`` steps are added up leaf by leaf.

    Raises:
        ConfigError: if it cannot be made, or makes updates or a state of other shapes.
    """

    def step(rate: Array, weights: PyTree) -> tuple[PyTree, PyTree, PyTree]:
        optimizer = make(config, rate)
        state = optimizer.init(weights)
        return state, *optimizer.update(weights, state, weights)

    try:
        state, updates, after = jax.eval_shape(step, jax.ShapeDtypeStruct((), jnp.float32), weights)
    except ConfigError:
        raise
    except Exception as error:
        raise ConfigError(
            f"optimizer.name={config.name} cannot make a step from a gradient, its state and the weights: "
            f"{import_path.explain(error)}; choose another."
        ) from error
    if _shapes(updates) != _shapes(weights) or _shapes(after) != _shapes(state):
        raise ConfigError(
            f"optimizer.name={config.name} must keep the shapes of the weights in its updates, and of its state in a "
            "step; choose another."
        )
    if not lock and not all(jnp.issubdtype(leaf.dtype, jnp.number) for leaf in jax.tree.leaves(state)):
        raise ConfigError(
            f"optimizer.name={config.name} has a state that is not all numbers, so that algo.lock=false cannot add to "
            "it; choose algo.lock=true."
        )


def _takes_rate(factory: object) -> bool:
    try:
        parameters = inspect.signature(factory).parameters  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False
    return "learning_rate" in parameters or any(each.kind == each.VAR_KEYWORD for each in parameters.values())


def _shapes(tree: PyTree) -> PyTree:
    leaves, structure = jax.tree.flatten(tree)
    return structure, [(jnp.shape(leaf), jnp.result_type(leaf)) for leaf in leaves]
