"""A2C: every shard reads the server, and the server steps on the mean of their gradients.

The synchronous form of Mnih et al. 2016, "Asynchronous Methods for Deep Reinforcement Learning".
"""

from typing import NamedTuple

import jax

from jaxac import optimizers
from jaxac.algos import placement, server, shard, trees
from jaxac.spec import Spec
from jaxac.types import ActorState, Metrics, Params, PRNGKey, Report, Server


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
    return State(placement.shared(server.init(spec, params), num_shards), shard.init_all(spec, actors_key))


def update(spec: Spec, state: State) -> tuple[State, Report]:
    """Every shard unrolls and differentiates at the server's parameters; the server takes one step."""
    num_shards = spec.algo.num_shards
    gradients = placement.map_shards(shard.gradient, num_shards, (None, None, 0))
    pushed, actors, unrolled = gradients(spec, state.server.params, state.actors)
    rate = optimizers.learning_rate(spec, state.server.arrivals)
    stepped, norm = server.step(spec, state.server, pushed, rate)
    stepped = stepped._replace(arrivals=stepped.arrivals + num_shards)
    metrics = Metrics(**trees.mean(unrolled.losses)._asdict(), gradient_norm=norm, learning_rate=rate)
    report = Report(metrics, trees.total(unrolled.episodes), asynchrony=None)
    return State(placement.shared(stepped, num_shards), actors), report


def params(state: State) -> Params:
    """The server's parameters."""
    return state.server.params


def lag(spec: Spec, state: State) -> None:
    """None: there are no snapshots."""
    del spec, state
