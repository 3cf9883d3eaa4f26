"""Are successive updates less correlated? The cosine between the server's successive gradients, and their noise.

An optimizer of our own, Adam with the default configuration's numbers, remembers the last gradient and adds up what it
sees. Gradients come to it as the server takes them: the mean of all shards' for A2C, one shard's after the other for
A3C.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.claims import arms
from experiments.claims.arms import Arm
from experiments.common import learn_lanes
from jaxac.config.compose import make_config

OPTIMIZER = ("optimizer=own", "optimizer.name=experiments.claims.correlation:watched_adam")
LOOKS = 1
"""In which runs are looked at: at their end."""
WINDOW = 0.98
"""Decay of the means of which the noise is made: some fifty gradients."""


class Watched(NamedTuple):
    """The state of :func:`watch`: the last gradient, and sums over all that came."""

    last: Any
    """The gradient before."""
    mean: Any
    """The exponential mean of gradients, not corrected for its beginning at 0."""
    square: jax.Array
    """[] the exponential mean of their squared norms, likewise."""
    cosines: jax.Array
    """[] the sum of cosines between each and the one before."""
    noises: jax.Array
    """[] the sum of shares of the squared norm that are not the mean's."""
    steps: jax.Array
    """[] int32, number of gradients."""


def watched_adam(learning_rate: jax.Array) -> optax.GradientTransformation:
    """Adam, which remembers how gradients follow each other."""
    return optax.chain(watch(), optax.adam(learning_rate, b1=0.5, b2=0.999, eps=1e-8))


def watch() -> optax.GradientTransformation:
    """Changes nothing, and adds up what it sees: :class:`Watched`."""

    def init(weights: Any) -> Watched:
        nothing, zero = jax.tree.map(jnp.zeros_like, weights), jnp.zeros(())
        return Watched(nothing, nothing, zero, zero, zero, jnp.zeros((), jnp.int32))

    def update(gradient: Any, seen: Watched, weights: Any = None) -> tuple[Any, Watched]:
        del weights
        norm, before = optax.tree.norm(gradient), optax.tree.norm(seen.last)
        cosine = optax.tree.vdot(gradient, seen.last) / jnp.maximum(norm * before, 1e-30)
        mean = jax.tree.map(lambda old, new: WINDOW * old + (1 - WINDOW) * new, seen.mean, gradient)
        square = WINDOW * seen.square + (1 - WINDOW) * norm**2
        whole = 1 - WINDOW ** (seen.steps + 1.0)  # the weights of both means
        noise = 1 - optax.tree.norm(mean, squared=True) / jnp.maximum(whole * square, 1e-30)
        return gradient, Watched(gradient, mean, square, seen.cosines + cosine, seen.noises + noise, seen.steps + 1)

    return optax.GradientTransformation(init, update)


def sums(state: Any) -> dict[str, np.ndarray]:
    """Sums of cosines and of noise, and the number of gradients, of each lane's optimizer: ``[lanes]`` each.

    Args:
        state: the lanes' training states.
    """
    leaves = jax.tree.leaves(state.server.opt_state, is_leaf=lambda node: isinstance(node, Watched))
    (seen,) = (leaf for leaf in leaves if isinstance(leaf, Watched))
    return {name: np.asarray(getattr(seen, name)).reshape(-1) for name in ("cosines", "noises", "steps")}


def measure(base: tuple[str, ...], rate: float, seeds: int) -> dict[str, Any]:
    """The mean cosine and the mean noise of a run's gradients, by seed.

    Args:
        base: overrides that say all but the rate and the seed.
        rate: the learning rate.
        seeds: number of runs.
    """
    configs = [make_config(*base, *OPTIMIZER, f"optimizer.learning_rate={rate}", f"seed={n}") for n in range(seeds)]
    found = learn_lanes(configs, watch=sums)["metrics"]
    cosines, noises, steps = (np.array(found[name])[:, -1] for name in ("cosines", "noises", "steps"))
    return {"cosine": (cosines / (steps - 1)).tolist(), "noise": (noises / steps).tolist()}


def compared(task: str) -> list[Arm]:
    """The arms whose gradients are compared, on every task."""
    del task
    return [arm for arm in arms.ladder() if arm.name in (arms.A2C, arms.TURN, arms.ROUND, arms.A3C)]
