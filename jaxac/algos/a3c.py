"""A3C in virtual time: shards act and differentiate with snapshots that they pulled earlier.

Mnih et al. 2016, "Asynchronous Methods for Deep Reinforcement Learning", Algorithm S3, with the order of arrival, the
age of what is pulled and the server's grouping as data. An update is a *round*, in which every shard takes its turn:

    for each wave of shards:                     one wave, unless staleness is bounded
        unroll and differentiate, all at once    each shard with its own snapshot
        for each shard, in order of arrival:     push
            the server steps when its group of gradients is complete
            shards that waited for that step pull the new version, or one ``delay`` versions older

Staleness is ``server.version`` on arrival minus the version of the snapshot that made the gradient.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxac.agent import actor_critic, objective
from jaxac.algos import arrival, server, shard, staleness, trees
from jaxac.algos.arrival import Group, Ledger, Outcome, Round
from jaxac.algos.shard import Gradient, Unrolled
from jaxac.devices import placement
from jaxac.devices.placement import Placement
from jaxac.reports import Asynchrony, Lag, Report
from jaxac.spec import Spec
from jaxac.types import ActorState, Array, Params, PRNGKey, PyTree, Server


class State(NamedTuple):
    """The whole training state."""

    key: PRNGKey
    """[] the key for orders of arrival and delays."""
    round: Array
    """[] int32, rounds done."""
    ledger: Ledger
    """The server, its history and the shards' versions."""
    snapshots: Params
    """[K, ...] parameters that each shard acts with, of version ``ledger.version``."""
    actors: ActorState
    """[K, N, ...] the blocks of environments of each shard."""

    @property
    def server(self) -> Server:
        """The parameters and the optimizer's state, from the ledger."""
        return self.ledger.server


class WaveReport(NamedTuple):
    """Outcome of a wave of ``W`` shards."""

    outcomes: Outcome
    """[W] outcomes of the pushes, in order of arrival."""
    unrolled: Unrolled
    """[W] losses and episodes of each shard."""
    active: Array
    """[W] bool: the shard takes part in this round; in the order of ``unrolled``."""
    waited: Array
    """[] int32, snapshots pulled again before the wave because they were too old."""


def init(spec: Spec, key: PRNGKey) -> State:
    """Fresh parameters, which every shard has pulled, and environments."""
    algo = staleness.settings(spec)
    num_shards = algo.num_shards
    params_key, actors_key, schedule_key = jax.random.split(key, 3)
    _, agent = actor_critic.build(spec)
    params = agent.init(params_key)
    fresh = server.init(spec, params)
    fresh = fresh._replace(opt_state=trees.copies(fresh.opt_state, 1 if algo.shared_statistics else num_shards))
    zero, none = jnp.zeros((), jnp.int32), jnp.zeros(num_shards, jnp.int32)
    nothing = jax.tree.map(jnp.zeros_like, Gradient(params.network, params.moments))
    group = Group(trees.copies(nothing, algo.group_size), zero, zero)
    ledger = Ledger(fresh, trees.copies(params, staleness.history_size(algo)), group, none, none)
    place = placed(spec)
    ledger, snapshots = place.replicated((ledger, trees.copies(params, num_shards)))
    actors = place.split(trees.parts(shard.init_all(spec, actors_key), num_shards))
    return State(schedule_key, zero, ledger, snapshots, actors)


def update(spec: Spec, state: State) -> tuple[State, Report]:
    """One round: every shard takes its turn, in waves and in an order of arrival."""
    algo, place = staleness.settings(spec), placed(spec)
    key, order_key, delay_key = jax.random.split(state.key, 3)
    this_round = Round(staleness.active(algo, state.round), staleness.delays(algo, delay_key))
    waves = staleness.arrival_order(algo, order_key).reshape(-1, staleness.wave_size(algo))
    if len(waves) == 1:
        state, report = _whole_round(spec, this_round, state, waves[0])
        reports = trees.copies(report, 1)
    else:
        state, reports = jax.lax.scan(functools.partial(_wave, spec, this_round), state, waves)
    ledger, snapshots = place.replicated((state.ledger, state.snapshots))
    state = State(key, state.round + 1, ledger, snapshots, place.split(state.actors))
    return state, _report(spec, this_round, reports)


def placed(spec: Spec) -> Placement:
    """The shards over the devices; over one if a round has several waves, at each of which devices would wait."""
    algo = staleness.settings(spec)
    whole = staleness.wave_size(algo) == algo.num_shards
    return placement.over(spec.num_devices if whole else 1, algo.num_shards)


def params(state: State) -> Params:
    """The server's parameters."""
    return state.server.params


def lag(spec: Spec, state: State) -> Lag:
    """Distance of the snapshots from the server at the end of a round, averaged over shards."""
    _, agent = actor_critic.build(spec)

    def of_shard(snapshot: Params, observation: Array, memory: PyTree) -> Lag:
        distance = optax.tree.norm(optax.tree.sub(snapshot.network, state.server.params.network))
        policies = [agent.step(params, observation, memory)[0] for params in (snapshot, state.server.params)]
        divergence = jnp.mean(agent.distribution.kl(*policies))
        return Lag(distance, jnp.maximum(divergence, 0.0))  # rounding leaves equal policies a hair below 0

    snapshots = placed(spec).replicated(state.snapshots)
    lags = jax.vmap(of_shard)(snapshots, state.actors.observation, state.actors.memory)
    return jax.tree.map(jnp.mean, placed(spec).replicated(lags))


def _whole_round(spec: Spec, this_round: Round, state: State, order: Array) -> tuple[State, WaveReport]:
    """A round of one wave: all shards compute at once, on their own devices, and arrive in ``order [K]``."""
    state, waited = _refresh(spec, this_round, state, order)
    place = placed(spec)
    # Said here and in `lag`: else the compiler keeps a part on each device, and gathers them in every round.
    state = state._replace(snapshots=place.replicated(state.snapshots))
    gradients = place.map(shard.gradient, (None, 0, 0, 0))
    pushed, actors, unrolled = gradients(spec, state.snapshots, state.actors, shard.own_coefficients(spec))
    pushed, unrolled = place.gathered((pushed, unrolled))
    actors = _moved(spec, this_round.active, actors, state.actors)
    wave = arrival.Wave(pushed, state.snapshots, state.ledger.version)
    state, outcomes = _arrive(spec, this_round, state._replace(actors=actors), wave, order, order)
    return state, WaveReport(outcomes, unrolled, this_round.active, waited)


def _wave(spec: Spec, this_round: Round, state: State, shards: Array) -> tuple[State, WaveReport]:
    """One of several waves: ``shards [W]`` compute at once, and arrive in this order."""
    state, waited = _refresh(spec, this_round, state, shards)
    own = shard.own_coefficients(spec)
    read, before, version, own = trees.take((state.snapshots, state.actors, state.ledger.version, own), shards)
    pushed, after, unrolled = jax.vmap(shard.gradient, (None, 0, 0, 0))(spec, read, before, own)
    actors = trees.put(state.actors, shards, _moved(spec, this_round.active[shards], after, before))
    wave = arrival.Wave(pushed, read, version)
    state, outcomes = _arrive(spec, this_round, state._replace(actors=actors), wave, shards, jnp.arange(len(shards)))
    return state, WaveReport(outcomes, unrolled, this_round.active[shards], waited)


def _moved(spec: Spec, active: Array, after: ActorState, before: ActorState) -> ActorState:
    """The actors ``[W, N, ...]`` after a wave: those of inactive shards stay as they were, keys included."""
    if max(staleness.settings(spec).periods) == 1:
        return after
    return trees.where(active, after, before)


def _refresh(spec: Spec, this_round: Round, state: State, shards: Array) -> tuple[State, Array]:
    """Pulls the newest version for shards that would exceed ``algo.max_staleness`` on arrival.

    With ``algo.pull_at=round`` every shard pulls it.

    Args:
        shards: [W] int32, the shards of the next wave, in order of arrival.

    Returns:
        The state, and [] int32, the number of shards that would have exceeded the bound.
    """
    algo, ledger = staleness.settings(spec), state.ledger
    bound = algo.max_staleness if algo.above_max_staleness == "wait" else None
    if bound is None and algo.pull_at == "push":
        return state, jnp.zeros((), jnp.int32)
    steps_before = (ledger.group.size + jnp.arange(len(shards))) // algo.group_size
    on_arrival = ledger.server.version - ledger.version[shards] + steps_before
    too_old = jnp.zeros(len(shards), bool) if bound is None else on_arrival > bound
    late = jnp.zeros(algo.num_shards, bool).at[shards].set(too_old) & this_round.active
    pulls = jnp.ones_like(late) if algo.pull_at == "round" else late
    newest = trees.copies(ledger.server.params, 1)
    version = jnp.where(pulls, ledger.server.version, ledger.version)
    ledger = ledger._replace(version=version, pushes=jnp.where(pulls, 0, ledger.pushes))
    state = state._replace(ledger=ledger, snapshots=trees.where(pulls, newest, state.snapshots))
    return state, jnp.sum(late, dtype=jnp.int32)


def _arrive(
    spec: Spec, this_round: Round, state: State, wave: arrival.Wave, shards: Array, index: Array
) -> tuple[State, Outcome]:
    """The gradients of a wave arrive; then the shards that pulled fetch their parameters, by version.

    Args:
        shards: [W] int32, the shards of the wave, in order of arrival.
        index: [W] int32, the positions of these shards in ``wave``.
    """
    ledger, outcomes = arrival.push_all(spec, this_round, state.ledger, wave, shards, index)
    kept = staleness.history_size(staleness.settings(spec))
    fetched = trees.take(ledger.history, ledger.version % kept)
    snapshots = trees.where(jnp.any(outcomes.pulled, axis=0), fetched, state.snapshots)
    return state._replace(ledger=ledger, snapshots=snapshots), outcomes


def _report(spec: Spec, this_round: Round, waves: WaveReport) -> Report:
    """The report of a round, from the reports of its waves, ``[waves, W]``."""
    outcomes, bins = waves.outcomes, staleness.bins(staleness.settings(spec))
    versions = jnp.sum(outcomes.stepped, dtype=jnp.int32)
    losses = objective.pooled(waves.unrolled.losses, waves.active / jnp.sum(waves.active))
    age = jnp.minimum(outcomes.staleness, bins - 1)
    asynchrony = Asynchrony(
        staleness=jnp.zeros(bins, jnp.int32).at[age].add(outcomes.used.astype(jnp.int32)),
        dropped=jnp.sum(outcomes.dropped, dtype=jnp.int32),
        waited=jnp.sum(waves.waited),
        shard_pushes=this_round.active.astype(jnp.int32),
        versions=versions,
    )
    episodes = jax.tree.map(lambda x: jnp.sum(x * waves.active), waves.unrolled.episodes)
    steps = jax.tree.map(jnp.sum, outcomes.steps)
    return Report(objective.metrics(losses), steps, episodes, asynchrony)
