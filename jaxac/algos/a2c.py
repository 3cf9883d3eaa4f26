"""A2C: every shard reads the server, and the server steps on the mean of their gradients.

The synchronous form of Mnih et al. 2016, "Asynchronous Methods for Deep Reinforcement Learning".
"""

from typing import NamedTuple

import jax

from jaxac.agent import actor_critic
from jaxac.algos import optimizers, server, shard, trees
from jaxac.devices import placement
from jaxac.spec import Spec
from jaxac.types import ActorState, Metrics, Params, PRNGKey, Report, Server


class State(NamedTuple):
    """The whole training state."""

    server: Server
    actors: ActorState
    """[K · N, ...] the blocks of all shards."""


def init(spec: Spec, key: PRNGKey) -> State:
    """Fresh parameters and environments."""
    number = _num_blocks(spec)
    params_key, actors_key = jax.random.split(key)
    _, agent = actor_critic.build(spec)
    actors = placement.sharded(shard.init_all(spec, actors_key), number)
    return State(placement.shared(server.init(spec, agent.init(params_key)), number), actors)


def update(spec: Spec, state: State) -> tuple[State, Report]:
    """Every block unrolls and differentiates at the server's parameters; the server takes one step."""
    number = _num_blocks(spec)
    gradients = placement.map_shards(shard.block_gradient, number, (None, 0, 0))
    # A copy for each, as A3C's have: so one shard compiles to the same gradient, bit for bit.
    pushed, actors, unrolled = gradients(spec, trees.copies(state.server.params, number), state.actors)
    # Gathered before they are summed up, the sum's order does not depend on how many devices there are.
    pushed, unrolled = placement.shared((pushed, unrolled), number)
    rate = optimizers.learning_rate(spec, state.server.arrivals)
    stepped, norm = server.step(spec, state.server, pushed, rate)
    stepped = stepped._replace(arrivals=stepped.arrivals + spec.algo.num_shards)
    metrics = Metrics(**trees.mean(unrolled.losses)._asdict(), gradient_norm=norm, learning_rate=rate)
    report = Report(metrics, trees.total(unrolled.episodes), asynchrony=None)
    return State(placement.shared(stepped, number), actors), report


def _num_blocks(spec: Spec) -> int:
    """Of all shards: nobody is stale, so the devices may share them as they please."""
    return spec.algo.num_shards * shard.num_blocks(spec)


def params(state: State) -> Params:
    """The server's parameters."""
    return state.server.params


def lag(spec: Spec, state: State) -> None:
    """None: there are no snapshots."""
    del spec, state
