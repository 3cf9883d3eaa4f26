"""A gradient arrives: the server takes or drops it, and steps when a group is complete; who waited for that pulls."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxac.algos import corrections, server, staleness, trees
from jaxac.algos.optimizers import learning_rate
from jaxac.algos.shard import Gradient
from jaxac.spec import Spec
from jaxac.types import Array, Params, Server


class Group(NamedTuple):
    """The gradients that wait for the server's next step."""

    gradients: Gradient
    """[C, ...], of which ``size`` have arrived."""
    staleness_sum: Array
    """[] int32, of those."""
    size: Array
    """[] int32"""


class Ledger(NamedTuple):
    """What arrivals change."""

    server: Server
    """With optimizer statistics ``[S, ...]``: one set for all shards, or one a shard."""
    history: Params
    """[H, ...] the newest versions of the server's parameters, version v at index v mod H."""
    group: Group
    version: Array
    """[K] int32, the version of each shard's snapshot."""
    pushes: Array
    """[K] int32, pushed by each shard since its last pull."""


class Wave(NamedTuple):
    """Gradients that were computed at the same time, and arrive one after the other."""

    gradients: Gradient
    """[W, ...]"""
    read: Params
    """[W, ...] the parameters that made them."""
    version: Array
    """[W] int32, of those."""


class Round(NamedTuple):
    """What virtual time decides for a round."""

    active: Array
    """[K] bool: who takes part."""
    delays: Array
    """[K] int32: how many versions behind the newest a pull is."""


class Outcome(NamedTuple):
    """What became of a push."""

    staleness: Array
    """[] int32"""
    used: Array
    """[] bool"""
    dropped: Array
    """[] bool: it was above the bound. A push of an inactive shard is neither."""
    stepped: Array
    """[] bool: the server did."""
    gradient_norm: Array
    """[] of the server's step; 0 if it made none."""
    pulled: Array
    """[K] bool: who did."""


def push_all(
    spec: Spec, round_: Round, ledger: Ledger, wave: Wave, shards: Array, index: Array
) -> tuple[Ledger, Outcome]:
    """The gradients of ``shards [W]``, found at ``index [W]`` of the wave, arrive in this order."""

    def body(ledger: Ledger, which: tuple[Array, Array]) -> tuple[Ledger, Outcome]:
        number, index = which
        return push(spec, round_, ledger, number, trees.take(wave, index))

    return jax.lax.scan(body, ledger, (shards, index))


def push(spec: Spec, round_: Round, ledger: Ledger, number: Array, pushed: Wave) -> tuple[Ledger, Outcome]:
    """The gradient of shard ``number`` arrives."""
    algo = staleness.settings(spec)
    age = ledger.server.version - pushed.version
    fresh = jnp.asarray(True) if algo.max_staleness is None else age <= algo.max_staleness
    used, dropped = round_.active[number] & fresh, round_.active[number] & ~fresh
    group = _join(ledger.group, _corrected(spec, ledger.server.params, pushed), age, used)
    stepped = used & (group.size == algo.group_size)

    owner, norm = jax.lax.cond(stepped, functools.partial(_step, spec, number), _stay, ledger.server, group)
    owner = owner._replace(arrivals=owner.arrivals + round_.active[number])
    group = Group(group.gradients, jnp.where(stepped, 0, group.staleness_sum), jnp.where(stepped, 0, group.size))
    history = trees.put(ledger.history, owner.version % staleness.history_size(algo), owner.params)

    itself = jnp.arange(algo.num_shards) == number
    pushes = ledger.pushes + (itself & round_.active)
    pulled = (itself & dropped) | (stepped & (pushes >= algo.pull_every))
    delays = jnp.where(dropped, 0, round_.delays)  # whose gradients are too old already gets the newest
    version = jnp.where(pulled, jnp.maximum(owner.version - delays, 0), ledger.version)
    ledger = Ledger(owner, history, group, version, jnp.where(pulled, 0, pushes))
    return ledger, Outcome(age, used, dropped, stepped, norm, pulled)


def _corrected(spec: Spec, now: Params, pushed: Wave) -> Gradient:
    algo, gradient = staleness.settings(spec), pushed.gradients
    if algo.correction != "delay_compensation":
        return gradient
    strength = jnp.asarray(algo.compensation)
    weights = corrections.delay_compensation(gradient.weights, now.network, pushed.read.network, strength)
    return gradient._replace(weights=weights)


def _join(group: Group, gradient: Gradient, age: Array, used: Array) -> Group:
    """The group with one gradient more, if it is ``used``."""
    present = trees.take(group.gradients, group.size)
    chosen = jax.tree.map(lambda new, old: jnp.where(used, new, old), gradient, present)
    gradients = trees.put(group.gradients, group.size, chosen)
    return Group(gradients, group.staleness_sum + jnp.where(used, age, 0), group.size + used)


def _step(spec: Spec, number: Array, owner: Server, group: Group) -> tuple[Server, Array]:
    """The server's step on a complete group, with the statistics of shard ``number`` or those of all."""
    algo = staleness.settings(spec)
    rate = learning_rate(spec, owner.arrivals + 1 - algo.group_size)  # as when the group was empty
    if algo.correction == "learning_rate":
        rate = corrections.rate_over_staleness(rate, group.staleness_sum / algo.group_size)
    row = jnp.zeros_like(number) if algo.shared_statistics else number
    one = owner._replace(opt_state=trees.take(owner.opt_state, row))
    stepped, norm = server.step(spec, one, group.gradients, rate)
    return stepped._replace(opt_state=trees.put(owner.opt_state, row, stepped.opt_state)), norm


def _stay(owner: Server, group: Group) -> tuple[Server, Array]:
    del group
    return owner, jnp.zeros(())
