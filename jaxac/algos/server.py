"""The server, which owns the parameters, and its step on a group of gradients."""

import chex
import jax.numpy as jnp
import optax

from jaxac.agent import normalization
from jaxac.algos import gradients, optimizers, trees
from jaxac.algos.shard import Gradient
from jaxac.reports import Steps
from jaxac.spec import Spec
from jaxac.types import Array, Params, Server


def init(spec: Spec, params: Params) -> Server:
    """The server at version 0, with a fresh optimizer."""
    zero = jnp.zeros((), jnp.int32)
    watched = gradients.init(params.network) if spec.algo.watch_gradients else None
    return Server(params, optimizers.init(spec, params.network), version=zero, arrivals=zero, watched=watched)


def step(spec: Spec, server: Server, group: Gradient, rate: Array) -> tuple[Server, Steps]:
    """One optimizer step on the mean of a group of gradients.

    Args:
        spec: the training program.
        server: the server before the step.
        group: [C, ...] the gradients.
        rate: [] the learning rate.

    Returns:
        The server at its next version, with ``arrivals`` unchanged, and the sums over this one step.
    """
    chex.assert_rank(rate, 0)
    mean = trees.mean(group.weights)
    chex.assert_trees_all_equal_shapes(mean, server.params.network)
    weights, opt_state = optimizers.descend(spec, server.params.network, mean, server.opt_state, rate)
    moments = normalization.merge(server.params.moments, normalization.of_shards(group.moments))
    watched, alike = gradients.watch(server.watched, mean) if server.watched else (None, {})
    stepped = Server(Params(weights, moments), opt_state, server.version + 1, server.arrivals, watched)
    return stepped, Steps(jnp.ones(()), optax.tree.norm(mean), rate, **alike)
