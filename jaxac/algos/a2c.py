"""A2C: every shard reads the server, and the server steps on the mean of their gradients.

The synchronous form of Mnih et al. 2016, "Asynchronous Methods for Deep Reinforcement Learning".
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxac import optimizers
from jaxac.algos import placement, server, shard, trees
from jaxac.spec import Spec
from jaxac.types import ActorState, Metrics, Params, PRNGKey, Report, Server

_BLOCK = 1024
"""Environment steps of an unroll whose activations stay in a CPU core's cache."""


class State(NamedTuple):
    """The whole training state."""

    server: Server
    actors: ActorState
    """[K, ...]"""


def num_shards(spec: Spec) -> int:
    """Shards that are as large as a CPU's cache or less; on an accelerator ``algo.num_shards`` of them.

    A mean of means is the mean, so how many there are changes nothing but the order of sums, unless something else is
    taken over all steps of a shard.
    """
    algo, num_envs = spec.algo, spec.env.num_envs // spec.algo.num_shards
    whole = algo.normalize_advantage or algo.returns == "monte_carlo" or algo.kernel == "fused"
    if whole or jax.default_backend() != "cpu":
        return algo.num_shards
    block = max(16, _BLOCK // algo.unroll_length)
    fitting = [size for size in range(16, block + 1) if num_envs % size == 0]
    return algo.num_shards * (num_envs // max(fitting, default=num_envs))


def init(spec: Spec, key: PRNGKey) -> State:
    """Fresh parameters and environments."""
    number = num_shards(spec)
    params_key, actors_key = jax.random.split(key)
    params = shard.build(spec)[1].init(params_key)
    return State(placement.shared(server.init(spec, params), number), shard.init_all(spec, actors_key, number))


def update(spec: Spec, state: State) -> tuple[State, Report]:
    """Every shard unrolls and differentiates at the server's parameters; the server takes one step."""
    number = num_shards(spec)
    gradients = placement.map_shards(shard.gradient, number, (None, 0, 0))
    # A copy for each, as A3C's shards have: so one shard compiles to the same gradient, bit for bit.
    read = jax.tree.map(lambda x: jnp.broadcast_to(x, (number, *x.shape)), state.server.params)
    pushed, actors, unrolled = gradients(spec, read, state.actors)
    # Gathered before they are summed up, the sum's order does not depend on how many devices there are.
    pushed, unrolled = placement.shared((pushed, unrolled), number)
    rate = optimizers.learning_rate(spec, state.server.arrivals)
    stepped, norm = server.step(spec, state.server, pushed, rate)
    stepped = stepped._replace(arrivals=stepped.arrivals + spec.algo.num_shards)
    metrics = Metrics(**trees.mean(unrolled.losses)._asdict(), gradient_norm=norm, learning_rate=rate)
    report = Report(metrics, trees.total(unrolled.episodes), asynchrony=None)
    return State(placement.shared(stepped, number), actors), report


def params(state: State) -> Params:
    """The server's parameters."""
    return state.server.params


def lag(spec: Spec, state: State) -> None:
    """None: there are no snapshots."""
    del spec, state
