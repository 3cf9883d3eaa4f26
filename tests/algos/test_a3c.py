import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxac import spec as spec_module
from jaxac.algos import ALGOS, a2c, a3c, corrections, optimizers, server, shard, staleness, trees
from jaxac.devices import placement
from jaxac.loggers import rows
from jaxac.programs import program
from jaxac.programs.chunk import run_chunk
from jaxac.storage import serialization
from jaxac.types import Params, Server
from tests.simulator import Simulator
from tests.updates import advance, assert_same_but_for_rounding, flat, start

SHARDS = ("+algo=a3c", "algo.num_shards=4", "algo.order=shuffled")


def programs(spec):
    """What the compiler is given: where that is the same, so is every bit that comes out."""
    key = jax.random.key(3)
    state = jax.eval_shape(a3c.init, spec, key)
    calls = ((a3c.init, key), (a3c.update, state), (a3c.lag, state))
    return [jax.jit(function).lower(spec, argument).as_text() for function, argument in calls]


def assert_a2c(asynchronous, synchronous, compare):
    """Of two states, each with its reports."""
    (state, reports), (other, others) = asynchronous, synchronous
    compare(state.server.params, other.server.params)
    compare(state.server.opt_state, other.server.opt_state)
    compare(state.actors, other.actors)
    for mine, theirs in zip(reports, others, strict=True):
        compare((mine.metrics, mine.steps, mine.episodes), (theirs.metrics, theirs.steps, theirs.episodes))


def test_one_shard_that_pulls_after_every_push_is_a2c(small_spec):
    """Whose compiled programs may round in another order."""
    synchronous = advance(a2c, small_spec("algo.num_shards=1"), 10)
    asynchronous = advance(a3c, small_spec("+algo=a3c", "algo.num_shards=1"), 10)
    assert_a2c(asynchronous, synchronous, functools.partial(assert_same_but_for_rounding, rtol=1e-4, atol=1e-6))


@pytest.mark.parametrize("bound, devices", [((), 4), (("algo.max_staleness=0",), 1)], ids=["one wave", "in turn"])
def test_shards_that_compute_at_once_have_devices_of_their_own(small_spec, bound, devices):
    """Those that compute in turn would wait for each other's devices."""
    assert a3c.placed(small_spec(*SHARDS, *bound)) == placement.Placement(4, devices)


@pytest.mark.slow
def test_one_shard_that_pulls_after_every_push_is_a2c_operation_by_operation(small_spec):
    """Bit for bit, where nothing is compiled but single operations: they are the same, in the same order."""
    with jax.disable_jit():
        synchronous = advance(a2c, small_spec("algo.num_shards=1"), 5)
        asynchronous = advance(a3c, small_spec("+algo=a3c", "algo.num_shards=1"), 5)
    assert_a2c(asynchronous, synchronous, lambda a, b: np.testing.assert_array_equal(flat(a), flat(b)))


BLOCKS = ("algo.num_shards=1", "env.num_envs=48", "algo.unroll_length=64")
"""Three of 16 environments."""


@pytest.mark.slow
def test_one_shard_of_several_blocks_is_a2c_but_for_rounding(small_spec):
    synchronous, _ = advance(a2c, small_spec(*BLOCKS), 3)
    asynchronous, _ = advance(a3c, small_spec("+algo=a3c", *BLOCKS), 3)
    assert shard.num_blocks(small_spec(*BLOCKS)) == 3
    np.testing.assert_allclose(flat(asynchronous.server.params), flat(synchronous.server.params), rtol=1e-5, atol=1e-7)
    assert_same_but_for_rounding(asynchronous.actors, synchronous.actors)


def test_a_shards_gradient_is_the_mean_of_its_blocks(small_spec):
    spec = small_spec("+algo=a3c", *BLOCKS)
    state = start(a3c, spec)
    actors = trees.take(state.actors, 0)
    in_blocks, after, told = jax.jit(shard.gradient)(spec, state.server.params, actors)
    single = [jax.jit(shard.block_gradient)(spec, state.server.params, trees.take(actors, n)) for n in range(3)]
    for n, (_, alone, _) in enumerate(single):
        assert_same_but_for_rounding(trees.take(after, n), alone)
    mean = jax.tree.map(lambda *each: sum(each) / 3, *(pushed.weights for pushed, _, _ in single))
    np.testing.assert_allclose(flat(in_blocks.weights), flat(mean), rtol=1e-5, atol=1e-8)
    assert told.episodes.ended == sum(each.episodes.ended for _, _, each in single)
    assert in_blocks.moments.seen == 48 * 64


@pytest.mark.parametrize(
    "overrides",
    [
        pytest.param(("algo.order=fixed",), marks=pytest.mark.slow),
        ("algo.order=shuffled", "algo.entropy_coef=[0,0.1,0.3,1]"),
    ],
    ids=["fixed", "shuffled, own bonuses"],
)
def test_a_server_that_averages_all_shards_is_a2c(small_spec, overrides):
    bonuses = [text for text in overrides if "entropy" in text]
    synchronous, _ = advance(a2c, small_spec("algo.num_shards=4", *bonuses), 10)
    asynchronous, reports = advance(a3c, small_spec(*SHARDS, "algo.server=mean", *overrides), 10)
    np.testing.assert_allclose(flat(asynchronous.server.params), flat(synchronous.server.params), rtol=1e-5, atol=1e-7)
    assert_same_but_for_rounding(asynchronous.actors, synchronous.actors)
    assert asynchronous.server.version == 10
    assert all(report.asynchrony.staleness[0] == 4 for report in reports)


@pytest.mark.parametrize("order", [pytest.param("fixed", marks=pytest.mark.slow), "shuffled"])
def test_softsync_of_all_is_the_mean(small_spec, order):
    settings = (*SHARDS, f"algo.order={order}")
    softsync = small_spec(*settings, "algo.server=softsync", "algo.softsync_size=4")
    assert programs(softsync) == programs(small_spec(*settings, "algo.server=mean"))


def test_softsync_of_one_is_per_gradient(small_spec):
    one = small_spec(*SHARDS, "algo.server=softsync", "algo.softsync_size=1")
    assert programs(one) == programs(small_spec(*SHARDS))


@pytest.mark.parametrize("size", [4, pytest.param(16, marks=pytest.mark.slow)])
def test_the_norm_of_the_gradient_is_the_mean_over_the_servers_steps(small_spec, size):
    """Not over rounds, of which most have no step if the server waits for the gradients of four of them."""
    spec = small_spec(*SHARDS, "algo.server=softsync", f"algo.softsync_size={size}", "optimizer.learning_rate=0")
    state = start(a3c, spec)
    steps = []
    for _ in range(8):
        state, report = jax.jit(a3c.update)(spec, state)
        steps.append(report.steps)
    _, report = jax.jit(functools.partial(run_chunk, ALGOS["a3c"]))(spec, start(a3c, spec), 8)
    norms = [each.gradient_norm for each in steps if each.taken]
    assert len(norms) == 32 // size
    row = rows.to_row(report, 1, 1.0)
    assert row["train/gradient_norm"] == pytest.approx(np.mean(norms), rel=1e-5)


def test_the_learning_rate_of_a_row_is_the_one_that_was_used(small_spec):
    """Corrected for staleness, which is 3 where four shards arrive in a fixed order."""
    settings = ("algo.order=fixed", "optimizer.schedule=constant", "optimizer.learning_rate=0.3")
    _, reports = advance(a3c, small_spec(*SHARDS, *settings, "algo.correction=learning_rate"), 3)
    np.testing.assert_allclose(reports[-1].steps.means["learning_rate"], 0.1, rtol=1e-6)


@pytest.mark.parametrize(
    "num_shards", [pytest.param(2, marks=pytest.mark.slow), 4, pytest.param(8, marks=pytest.mark.slow)]
)
def test_equal_shards_in_random_order_are_k_minus_1_versions_stale(small_spec, num_shards):
    spec = small_spec("+algo=a3c", f"algo.num_shards={num_shards}")
    counts = count_staleness(spec, 600)
    mean = counts @ np.arange(counts.size) / counts.sum()
    assert mean == pytest.approx(num_shards - 1, abs=0.05)
    assert counts.nonzero()[0].max() <= 2 * num_shards - 2


def test_in_a_fixed_order_all_are_k_minus_1_versions_stale(small_spec):
    counts = count_staleness(small_spec(*SHARDS, "algo.order=fixed"), 50)
    assert counts[3] == 50 * 4 - 3  # the first round's are 0, 1, 2, 3 versions old
    np.testing.assert_array_equal(counts[:3], 1)


def count_staleness(spec, updates):
    state = start(a3c, spec)
    _, report = jax.jit(functools.partial(run_chunk, ALGOS["a3c"]))(spec, state, updates)
    return np.asarray(report.asynchrony.staleness)


SCHEDULES = {
    "as published": (),
    "rare pulls": ("algo.pull_every=3",),
    "groups": ("algo.server=softsync", "algo.softsync_size=2"),
    "groups that straddle rounds": ("algo.server=softsync", "algo.softsync_size=3", "algo.pull_every=2"),
    "slow shards": ("algo.shard_periods=[1,3,1,2]",),
    "slow shards in groups": ("algo.shard_periods=[2,3,1,2]", "algo.server=softsync", "algo.softsync_size=3"),
    "constant delays": ("algo.delay.distribution=constant", "algo.delay.mean=3"),
    "delays a shard": ("algo.delay.distribution=geometric", "algo.delay.mean=[0,0,4,9]"),
    "cut delays": ("algo.delay.distribution=pareto", "algo.delay.mean=6", "algo.delay.maximum=7"),
    "uniform delays, rare pulls": ("algo.delay.distribution=uniform", "algo.delay.mean=2", "algo.pull_every=2"),
    "pulls at the round's start": ("algo.pull_at=round", "algo.shard_periods=[1,1,2,1]"),
    "in turn": ("algo.max_staleness=0",),
    "waiting": ("algo.max_staleness=3", "algo.delay.distribution=geometric", "algo.delay.mean=2"),
    "waiting in pairs": ("algo.max_staleness=2", "algo.pull_every=4", "algo.shard_periods=[1,1,2,1]"),
    "waiting in groups": ("algo.max_staleness=1", "algo.server=softsync", "algo.softsync_size=2", "algo.pull_every=2"),
    "dropping": ("algo.max_staleness=3", "algo.above_max_staleness=drop"),
    "dropping everything but the first": ("algo.max_staleness=0", "algo.above_max_staleness=drop"),
    "dropping after delays": (
        "algo.max_staleness=5",
        "algo.above_max_staleness=drop",
        "algo.delay.distribution=pareto",
        "algo.delay.mean=3",
        "algo.shard_periods=[1,1,2,3]",
    ),
}


def schedule(spec, state):
    """What is drawn for the round that begins at ``state``: an order and delays, as plain numbers."""
    _, order_key, delay_key = jax.random.split(state.key, 3)
    order, delays = staleness.arrival_order(spec.algo, order_key), staleness.delays(spec.algo, delay_key)
    return [int(x) for x in order], [int(x) for x in delays]


OFTEN = ("groups that straddle rounds", "slow shards in groups", "waiting in groups", "dropping after delays")
"""Schedules that between them have a bit of everything; the others are slow tests."""


@pytest.mark.parametrize("name", [n if n in OFTEN else pytest.param(n, marks=pytest.mark.slow) for n in SCHEDULES])
def test_versions_and_staleness_are_those_of_the_simulator(small_spec, name):
    spec = small_spec(*SHARDS, *SCHEDULES[name])
    simulator = Simulator(spec.algo)
    state, update = start(a3c, spec), jax.jit(a3c.update)
    counts, dropped, waited = np.zeros(staleness.bins(spec.algo), int), 0, 0
    for number in range(15):
        simulator.round(number, *schedule(spec, state))
        state, report = update(spec, state)
        counts += np.asarray(report.asynchrony.staleness)
        dropped, waited = dropped + report.asynchrony.dropped, waited + report.asynchrony.waited
        assert state.server.version == simulator.newest
        np.testing.assert_array_equal(state.ledger.version, simulator.snapshot)
        np.testing.assert_array_equal(state.ledger.pushes, simulator.pushes)
        assert {age: count for age, count in enumerate(counts) if count} == dict(simulator.ages)
    assert (dropped, waited) == (simulator.dropped, simulator.waited)
    if spec.algo.max_staleness is not None:
        assert max(simulator.ages) <= spec.algo.max_staleness


@pytest.mark.parametrize(
    "overrides",
    [
        pytest.param(SCHEDULES["as published"], marks=pytest.mark.slow),
        pytest.param(SCHEDULES["waiting"], marks=pytest.mark.slow),
        (
            *SCHEDULES["delays a shard"],
            "algo.correction=delay_compensation",
            "algo.compensation=2",
            "algo.entropy_coef=[0,0.1,0.3,1]",
        ),
        pytest.param(
            (*SCHEDULES["groups that straddle rounds"], "algo.correction=learning_rate"), marks=pytest.mark.slow
        ),
        pytest.param(
            (*SCHEDULES["dropping after delays"], "algo.shared_statistics=false", "optimizer=rmsprop"),
            marks=pytest.mark.slow,
        ),
    ],
    ids=["as published", "waiting", "compensated, own bonuses", "groups at a lower rate", "own statistics"],
)
def test_parameters_are_those_of_one_gradient_after_the_other(small_spec, overrides):
    """The same pulls, gradients and steps, made one by one by the simulator."""
    spec = small_spec(*SHARDS, *overrides)
    state, update = start(a3c, spec), jax.jit(a3c.update)
    workers = Workers(spec, state)
    simulator = workers.simulator = Simulator(spec.algo, state.server.params, workers.compute, workers.step)
    for number in range(6):
        order, delays = schedule(spec, state)
        state, _ = update(spec, state)
        simulator.round(number, order, delays)
        np.testing.assert_allclose(flat(state.server.params), flat(simulator.versions[-1]), rtol=2e-4, atol=2e-6)
    for shard_, version in enumerate(simulator.snapshot):
        mine = jax.tree.map(lambda x, shard_=shard_: x[shard_], state.snapshots)
        np.testing.assert_allclose(flat(mine), flat(simulator.versions[version]), rtol=2e-4, atol=2e-6)


class Workers:
    """Gradients and steps for the simulator, from the pieces that A3C is made of, one at a time."""

    def __init__(self, spec, state):
        self.spec, self.algo = spec, spec.algo
        self.actors = [jax.tree.map(lambda x, k=k: x[k], state.actors) for k in range(self.algo.num_shards)]
        sets = 1 if self.algo.shared_statistics else self.algo.num_shards
        fresh = optimizers.init(spec, state.server.params.network)
        self.opt_states = [fresh] * sets
        self.gradient = jax.jit(shard.gradient)

    def compute(self, number, params):
        bonus = self.algo.entropy_coef
        algo = dataclasses.replace(self.algo, entropy_coef=bonus[number] if isinstance(bonus, tuple) else bonus)
        spec = dataclasses.replace(self.spec, algo=algo)
        gradient, self.actors[number], _ = self.gradient(spec, params, self.actors[number])
        return gradient, params

    def step(self, now, gradients, ages, number):
        received = sum(self.simulator.ages.values()) + self.simulator.dropped - len(gradients)
        rate = optimizers.learning_rate(self.spec, jnp.int32(received))
        if self.algo.correction == "learning_rate":
            rate = rate / max(1.0, sum(ages) / len(ages))
        corrected = []
        for gradient, read in gradients:
            weights = gradient.weights
            if self.algo.correction == "delay_compensation":
                weights = jax.tree.map(
                    lambda g, new, old: g + self.algo.compensation * g**2 * (new - old),
                    weights,
                    now.network,
                    read.network,
                )
            corrected.append(gradient._replace(weights=weights))
        group = jax.tree.map(lambda *x: jnp.stack(x), *corrected)
        own = number % len(self.opt_states)
        owner = Server(now, self.opt_states[own], jnp.int32(0), jnp.int32(0))
        stepped, _ = server.step(self.spec, owner, group, rate)
        self.opt_states[own] = stepped.opt_state
        return stepped.params


def test_a_learning_rate_of_zero_changes_no_weight(small_spec):
    spec = small_spec(*SHARDS, "optimizer.learning_rate=0", *SCHEDULES["dropping after delays"])
    before = start(a3c, spec).server.params.network
    after = advance(a3c, spec, 3)[0].server.params.network
    np.testing.assert_array_equal(flat(before), flat(after))


@pytest.mark.slow
@pytest.mark.parametrize("correction", ["delay_compensation", "learning_rate"])
def test_corrections_leave_fresh_gradients_alone(small_spec, correction):
    spec = small_spec(*SHARDS, "algo.max_staleness=0", f"algo.correction={correction}")
    plain = small_spec(*SHARDS, "algo.max_staleness=0")
    corrected, same = (advance(a3c, each, 4)[0].server.params for each in (spec, plain))
    np.testing.assert_allclose(flat(corrected), flat(same), rtol=1e-6, atol=1e-8)


def test_corrections_change_no_bit_where_nothing_is_stale():
    gradient, weights = jnp.asarray(np.random.default_rng(0).normal(size=(2, 100)), jnp.float32)
    np.testing.assert_array_equal(
        corrections.delay_compensation(gradient, weights, weights, jnp.float32(1e4)), gradient
    )
    for age in (0, 1):
        assert corrections.rate_over_staleness(jnp.float32(0.1), jnp.float32(age)) == jnp.float32(0.1)


def test_shards_have_statistics_of_their_own_or_share_them(small_spec):
    own = advance(a3c, small_spec(*SHARDS, "algo.shared_statistics=false"), 2)[0].server.opt_state
    shared = advance(a3c, small_spec(*SHARDS), 2)[0].server.opt_state
    assert {x.shape[0] for x in jax.tree.leaves(own)} == {4}
    assert {x.shape[0] for x in jax.tree.leaves(shared)} == {1}
    assert [int(x) for x in own[1].count] == [2, 2, 2, 2]
    assert [int(x) for x in shared[1].count] == [8]


@pytest.mark.parametrize(
    "shards, devices, overrides",
    [
        pytest.param(4, 4, (), marks=pytest.mark.slow),
        pytest.param(8, 4, ("algo.delay.distribution=geometric", "algo.delay.mean=3"), marks=pytest.mark.slow),
        (6, 3, ("algo.max_staleness=1",)),
    ],
    ids=["one shard a device", "two shards a device", "in pairs"],
)
def test_shards_on_devices_are_shards_on_one(small_spec, shards, devices, overrides):
    spec = small_spec("+algo=a3c", f"algo.num_shards={shards}", "env.num_envs=24", *overrides)
    assert placement.over(jax.local_device_count(), shards).num_devices == devices
    spread, reports = advance(a3c, spec, 5)
    together, together_reports = advance(a3c, dataclasses.replace(spec, num_devices=1), 5)
    assert len(together.actors.observation.sharding.device_set) == 1
    assert_same_but_for_rounding(spread, together, rtol=1e-3, atol=1e-5)
    assert_same_but_for_rounding(reports, together_reports, rtol=1e-2, atol=1e-5)


def test_a_stop_in_mid_schedule_changes_no_bit(small_config):
    groups = ("algo.server=softsync", "algo.softsync_size=3")
    config = small_config(*SHARDS, *SCHEDULES["dropping after delays"], *groups)
    spec, (key, _) = spec_module.make(config), program.keys(0)
    compiled = program.compile_program(config, spec)
    whole, _ = compiled.chunk(spec, compiled.init(spec, key), 10)
    part, _ = compiled.chunk(spec, compiled.init(spec, key), 7)
    resumed, _ = compiled.chunk(spec, serialization.unpack(compiled.state, serialization.pack(part)), 3)
    assert serialization.pack(resumed) == serialization.pack(whole)


def test_keys_are_used_once(small_spec):
    with jax.debug_key_reuse(True):
        advance(a3c, small_spec(*SHARDS, "algo.delay.distribution=uniform", "algo.delay.mean=2"), 2)


def test_slow_shards_take_fewer_steps(small_spec):
    spec = small_spec(*SHARDS, "algo.shard_periods=[1,2,3,6]")
    state, reports = advance(a3c, spec, 6)
    np.testing.assert_array_equal(sum(report.asynchrony.shard_pushes for report in reports), [6, 3, 2, 1])
    assert spec.algo.pushes(6) == state.server.arrivals == 12


def test_lag_is_zero_where_nothing_is_stale(small_spec):
    spec = small_spec(*SHARDS, "algo.server=mean")
    nothing = a3c.lag(spec, advance(a3c, spec, 3)[0])
    assert nothing == (0.0, 0.0)
    something = a3c.lag(small_spec(*SHARDS), advance(a3c, small_spec(*SHARDS), 3)[0])
    assert something.parameter_distance > 0 and something.policy_kl > 0


def test_the_sum_over_time_is_t_times_the_mean(small_spec):
    spec, summed = small_spec(), small_spec("algo.time_reduction=sum")
    state = start(a2c, spec)
    actor = jax.tree.map(lambda x: x[0], state.actors)
    mean, total = (shard.block_gradient(each, state.server.params, actor)[0].weights for each in (spec, summed))
    np.testing.assert_allclose(flat(total), 4 * flat(mean), rtol=1e-6)


UNIFORM = (np.arange(100_000) + 0.5) / 100_000


@pytest.mark.parametrize("distribution, mean", [("constant", 5), ("uniform", 2.5), ("uniform", 8), ("geometric", 3)])
def test_delays_have_the_mean_that_is_asked_for(distribution, mean):
    drawn = np.asarray(staleness.quantile(distribution, jnp.float32(mean), jnp.asarray(UNIFORM, jnp.float32)))
    assert drawn.mean() == pytest.approx(mean, rel=2e-3)
    np.testing.assert_array_equal(drawn, np.round(drawn))


def test_a_pareto_delay_has_a_heavy_tail():
    """P(delay ≥ d) = (1 + d/s)^−1.5 with s = mean/2."""
    drawn = np.asarray(staleness.quantile("pareto", jnp.float32(4), jnp.asarray(UNIFORM, jnp.float32)))
    for least in (1, 10, 100):
        assert np.mean(drawn >= least) == pytest.approx((1 + least / 2) ** -1.5, rel=0.02)


def test_a_delay_of_mean_zero_is_none():
    for distribution in ("constant", "uniform", "geometric", "pareto"):
        assert not staleness.quantile(distribution, jnp.float32(0), jnp.asarray(UNIFORM, jnp.float32)).any()


def test_params_are_the_servers(small_spec):
    state, _ = advance(a3c, small_spec(*SHARDS), 1)
    assert isinstance(a3c.params(state), Params)
    np.testing.assert_array_equal(flat(a3c.params(state)), flat(state.server.params))
