"""A2C: every shard acts with the server's parameters, and the server steps on the mean of their gradients.

A2C is the synchronous form of A3C (Mnih et al. 2016, "Asynchronous Methods for Deep Reinforcement Learning").
"""

from typing import NamedTuple

import jax

from jaxac.agent import actor_critic, objective
from jaxac.algos import optimizers, server, shard, trees
from jaxac.devices import placement
from jaxac.devices.placement import Placement
from jaxac.reports import Report
from jaxac.spec import Spec
from jaxac.types import ActorState, Params, PRNGKey, Server


class State(NamedTuple):
    """The whole training state."""

    server: Server
    """The parameters and the optimizer's state."""
    actors: ActorState
    """[K · N, ...] the blocks of environments of all shards."""


def init(spec: Spec, key: PRNGKey) -> State:
    """Fresh parameters and environments."""
    place = placed(spec)
    params_key, actors_key = jax.random.split(key)
    _, agent = actor_critic.build(spec)
    actors = place.split(shard.init_all(spec, actors_key))
    return State(place.replicated(server.init(spec, agent.init(params_key))), actors)


def update(spec: Spec, state: State) -> tuple[State, Report]:
    """One update: every block unrolls and differentiates at the server's parameters; the server takes one step."""
    place = placed(spec)
    gradients = place.map(shard.block_gradient, (None, 0, 0, 0))
    own = shard.own_coefficients(spec, shard.num_blocks(spec))
    # Each block reads a copy, as A3C's shards do, so that one shard compiles to the same gradient, bit for bit.
    pushed, actors, unrolled = gradients(spec, trees.copies(state.server.params, place.count), state.actors, own)
    # Gathered before they are summed, so that the order of the sum does not depend on the number of devices.
    pushed, unrolled = place.gathered((pushed, unrolled))
    rate = optimizers.learning_rate(spec, state.server.arrivals)
    stepped, steps = server.step(spec, state.server, pushed, rate)
    stepped = stepped._replace(arrivals=stepped.arrivals + spec.algo.num_shards)
    losses, episodes = shard.pooled(unrolled)
    report = Report(objective.metrics(losses), steps, episodes, asynchrony=None)
    return State(place.replicated(stepped), actors), report


def placed(spec: Spec) -> Placement:
    """``K · N``, the blocks of all shards; since no shard is stale, blocks may go to devices in any way."""
    return placement.over(spec.num_devices, spec.algo.num_shards * shard.num_blocks(spec))


def params(state: State) -> Params:
    """The server's parameters."""
    return state.server.params


def lag(spec: Spec, state: State) -> None:
    """No lag: A2C has no snapshots."""
    del spec, state
