"""Arrival of a gradient: the server uses or drops it, steps when a group is complete, and shards pull."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxac.algos import corrections, gradients, server, staleness, trees
from jaxac.algos.optimizers import learning_rate
from jaxac.algos.shard import Gradient
from jaxac.reports import Steps
from jaxac.spec import Spec
from jaxac.types import Array, Params, Server


class Group(NamedTuple):
    """Gradients that wait for the server's next step: ``C = algo.group_size`` at most."""

    gradients: Gradient
    """[C, ...] the gradients; the first ``size`` have arrived."""
    staleness_sum: Array
    """[] int32, sum of their staleness."""
    size: Array
    """[] int32, number of gradients that have arrived."""


class Ledger(NamedTuple):
    """The server, its history, and each shard's version: all that arrivals change."""

    server: Server
    """The parameters, with optimizer statistics ``[S, ...]``: one set for all shards, or one per shard."""
    history: Params
    """[H, ...] the newest versions of the server's parameters, version v at index v mod H."""
    group: Group
    """The gradients that wait for the server's next step."""
    version: Array
    """[K] int32, the version of each shard's snapshot."""
    pushes: Array
    """[K] int32, gradients pushed by each shard since its last pull."""


class Wave(NamedTuple):
    """Gradients that were computed at the same time, and arrive one after the other."""

    gradients: Gradient
    """[W, ...] the gradients."""
    read: Params
    """[W, ...] the parameters that made them."""
    version: Array
    """[W] int32, the versions of those parameters."""


class Round(NamedTuple):
    """Decisions of virtual time for one round."""

    active: Array
    """[K] bool: the shard takes part in the round."""
    delays: Array
    """[K] int32, versions between the newest and the one that a pull in this round gets."""


class Outcome(NamedTuple):
    """Outcome of one push: used, dropped, or neither if its shard is inactive."""

    staleness: Array
    """[] int32, versions between the parameters that made the gradient and the server's on arrival."""
    used: Array
    """[] bool: the gradient joined the group."""
    dropped: Array
    """[] bool: the gradient was older than ``algo.max_staleness``."""
    stepped: Array
    """[] bool: the push completed a group, and the server made a step."""
    steps: Steps
    """Sums over that one step; 0 without it."""
    pulled: Array
    """[K] bool: the shard pulls after this push."""


def push_all(
    spec: Spec, this_round: Round, ledger: Ledger, wave: Wave, shards: Array, index: Array
) -> tuple[Ledger, Outcome]:
    """Pushes the gradients of a wave, one after the other.

    Args:
        spec: the training program.
        this_round: the decisions of virtual time for this round.
        ledger: the ledger before the wave.
        wave: the gradients.
        shards: [W] int32, the shards in order of arrival.
        index: [W] int32, the positions of these shards in ``wave``.

    Returns:
        The ledger after the wave, and the outcomes ``[W]``, in order of arrival.
    """

    def body(ledger: Ledger, which: tuple[Array, Array]) -> tuple[Ledger, Outcome]:
        shard, position = which
        return push(spec, this_round, ledger, shard, trees.take(wave, position))

    return jax.lax.scan(body, ledger, (shards, index))


def push(spec: Spec, this_round: Round, ledger: Ledger, shard: Array, pushed: Wave) -> tuple[Ledger, Outcome]:
    """The gradient of one shard arrives.

    Args:
        spec: the training program.
        this_round: the decisions of virtual time for this round.
        ledger: the ledger before the push.
        shard: [] int32, the number of the shard that pushes.
        pushed: the shard's row of a wave, without the leading axis.

    Returns:
        The ledger after the push, and the push's outcome.
    """
    algo = staleness.settings(spec)
    age = ledger.server.version - pushed.version
    fresh = jnp.asarray(True) if algo.max_staleness is None else age <= algo.max_staleness
    used, dropped = this_round.active[shard] & fresh, this_round.active[shard] & ~fresh
    group = _join(ledger.group, _corrected(spec, ledger.server.params, pushed), age, used)
    stepped = used & (group.size == algo.group_size)

    after, steps = jax.lax.cond(stepped, functools.partial(_step, spec, shard), _stay, ledger.server, group)
    after = after._replace(arrivals=after.arrivals + this_round.active[shard])
    group = Group(group.gradients, jnp.where(stepped, 0, group.staleness_sum), jnp.where(stepped, 0, group.size))
    history = trees.put(ledger.history, after.version % staleness.history_size(algo), after.params)

    is_pusher = jnp.arange(algo.num_shards) == shard
    pushes = ledger.pushes + (is_pusher & this_round.active)
    pulled = (is_pusher & dropped) | (stepped & (pushes >= algo.pull_every))
    delays = jnp.where(dropped, 0, this_round.delays)  # a shard whose gradients are too old already gets the newest
    version = jnp.where(pulled, jnp.maximum(after.version - delays, 0), ledger.version)
    ledger = Ledger(after, history, group, version, jnp.where(pulled, 0, pushes))
    return ledger, Outcome(age, used, dropped, stepped, steps, pulled)


def _corrected(spec: Spec, now: Params, pushed: Wave) -> Gradient:
    """The pushed gradient, with ``algo.correction`` for the parameters that changed since it was made."""
    algo, gradient = staleness.settings(spec), pushed.gradients
    if algo.correction != "delay_compensation":
        return gradient
    strength = jnp.asarray(algo.compensation)
    weights = corrections.delay_compensation(gradient.weights, now.network, pushed.read.network, strength)
    return gradient._replace(weights=weights)


def _join(group: Group, gradient: Gradient, age: Array, used: Array) -> Group:
    """The group with one more gradient, if it is ``used`` ([] bool); ``age`` ([] int32) is the gradient's staleness."""
    present = trees.take(group.gradients, group.size)
    chosen = jax.tree.map(lambda new, old: jnp.where(used, new, old), gradient, present)
    gradients = trees.put(group.gradients, group.size, chosen)
    return Group(gradients, group.staleness_sum + jnp.where(used, age, 0), group.size + used)


def _step(spec: Spec, shard: Array, before: Server, group: Group) -> tuple[Server, Steps]:
    """The server's step on a complete group, with the shard's own statistics or those that all share.

    Returns:
        The server, and the sums over this one step.
    """
    algo = staleness.settings(spec)
    rate = learning_rate(spec, before.arrivals + 1 - algo.group_size)  # as when the group was empty
    if algo.correction == "learning_rate":
        rate = corrections.rate_over_staleness(rate, group.staleness_sum / algo.group_size)
    row = jnp.zeros_like(shard) if algo.shared_statistics else shard
    one = before._replace(opt_state=trees.take(before.opt_state, row))
    stepped, steps = server.step(spec, one, group.gradients, rate)
    return stepped._replace(opt_state=trees.put(before.opt_state, row, stepped.opt_state)), steps


def _stay(before: Server, group: Group) -> tuple[Server, Steps]:
    """The server without a step, for a group that is not complete."""
    del group
    zero = jnp.zeros(())
    return before, Steps(zero, zero, zero, **gradients.unwatched(before.watched))
