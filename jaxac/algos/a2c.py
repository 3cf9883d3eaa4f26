"""A2C: one server whose parameters every shard reads; their gradients are averaged into one optimizer step."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxac import normalization, optimizers
from jaxac.algos import placement, shard
from jaxac.spec import Spec
from jaxac.types import ActorState, Episodes, Metrics, Params, PRNGKey, Server

_mean_over_shards = functools.partial(jax.tree.map, functools.partial(jnp.mean, axis=0))
_sum_over_shards = functools.partial(jax.tree.map, functools.partial(jnp.sum, axis=0))


class State(NamedTuple):
    """The whole training state."""

    server: Server
    actors: ActorState
    """[K, ...]"""


def init(spec: Spec, key: PRNGKey) -> State:
    """Fresh parameters and environments."""
    num_shards = spec.algo.num_shards
    params_key, actors_key = jax.random.split(key)
    params = shard.build(spec)[1].init(params_key)
    server = Server(params, optimizers.make(spec).init(params.network), jnp.zeros((), jnp.int32))
    actors = jax.vmap(functools.partial(shard.init, spec))(jax.random.split(actors_key, num_shards))
    return State(placement.shared(server, num_shards), placement.sharded(actors, num_shards))


def update(spec: Spec, state: State) -> tuple[State, tuple[Metrics, Episodes]]:
    """Every shard unrolls and differentiates at the server's parameters; the server takes one step."""
    server, num_shards = state.server, spec.algo.num_shards
    gradients = placement.map_shards(shard.gradient, num_shards, (None, None, 0))
    pushed, actors, report = gradients(spec, server.params, state.actors)
    mean = _mean_over_shards(pushed.weights)
    updates, opt_state = optimizers.make(spec).update(mean, server.opt_state, server.params.network)
    params = Params(
        optax.apply_updates(server.params.network, updates),
        normalization.merge(server.params.moments, normalization.of_shards(pushed.moments)),
    )
    metrics = Metrics(
        **_mean_over_shards(report.losses)._asdict(),
        gradient_norm=optax.tree.norm(mean),
        learning_rate=optimizers.learning_rate(spec, server.version),
    )
    new_server = placement.shared(Server(params, opt_state, server.version + 1), num_shards)
    return State(new_server, actors), (metrics, _sum_over_shards(report.episodes))


def params(state: State) -> Params:
    """The server's parameters."""
    return state.server.params
