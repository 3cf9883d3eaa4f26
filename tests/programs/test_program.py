import gc

import chex
import jax
import numpy as np
import pytest

from jaxac import programs
from jaxac import spec as spec_module
from jaxac.algos import ALGOS, a2c
from jaxac.devices import threefry
from jaxac.errors import ConfigError
from jaxac.programs import program
from jaxac.storage import serialization


@pytest.fixture
def compiled(small_config):
    config = small_config()
    return program.compile_program(config, spec_module.make(config)), spec_module.make(config)


def fresh(compiled, spec):
    return compiled.init(spec, program.keys(0)[0])


def test_chunks_of_any_length_give_the_same_bits(compiled):
    """So where a run is cut, logged or resumed cannot change it."""
    compiled, spec = compiled
    states = []
    for lengths in ([10], [1] * 10, [3, 7], [6, 3, 1]):
        state = fresh(compiled, spec)
        for length in lengths:
            state, _ = compiled.chunk(spec, state, length)
        states.append(serialization.pack(state))
    assert len(set(states)) == 1


def test_a_chunk_reports_the_mean_of_its_updates(compiled):
    compiled, spec = compiled
    state, together = compiled.chunk(spec, fresh(compiled, spec), 4)
    state, reports = fresh(compiled, spec), []
    for _ in range(4):
        state, report = compiled.chunk(spec, state, 1)
        reports.append(report)
    assert together.steps.taken == 4
    np.testing.assert_allclose(together.steps.learning_rate, sum(report.steps.learning_rate for report in reports))
    for name in ("policy_loss", "entropy"):
        parts = [getattr(report.metrics, name) for report in reports]
        np.testing.assert_allclose(getattr(together.metrics, name), np.mean(parts), rtol=1e-5)
    assert together.episodes.ended == sum(report.episodes.ended for report in reports)


def test_the_state_is_donated(compiled):
    compiled, spec = compiled
    state = fresh(compiled, spec)
    compiled.chunk(spec, state, 1)
    assert all(leaf.is_deleted() for leaf in jax.tree.leaves(state.server.params.network))


@pytest.mark.slow
def test_device_memory_does_not_grow(compiled):
    compiled, spec = compiled
    state, _ = compiled.chunk(spec, fresh(compiled, spec), 1)
    counts = []
    for _ in range(20):
        state, report = compiled.chunk(spec, state, 2)
        del report
        gc.collect()
        counts.append(len(jax.live_arrays()))
    assert counts[-1] == counts[1]


def test_every_program_is_traced_once(small_config, traced_at_most_once):
    """An update is traced once a compilation, for its shapes and for its code, however many updates then run."""
    config = small_config()
    spec = spec_module.make(config)
    compiled = program.compile_program(config, spec)
    state = fresh(compiled, spec)
    for length in (1, 2, 3):
        state, _ = compiled.chunk(spec, state, length)
    larger = small_config("env.num_envs=16")
    with pytest.raises(AssertionError, match="traced"):  # the count can fail
        program.compile_program(larger, spec_module.make(larger))


def test_runs_that_differ_in_numbers_compile_once_a_process(small_config, traced_at_most_once):
    first = small_config("seed=1", "optimizer.learning_rate=1e-3")
    others = [small_config("seed=2", "algo.discount=0.9"), small_config("total_env_steps=640", "logger.every=1")]
    for config in (first, *others):
        program.compile_program(config, spec_module.make(config))
    larger = small_config("env.num_envs=16")
    with pytest.raises(AssertionError, match="traced"):
        program.compile_program(larger, spec_module.make(larger))


@pytest.fixture
def traced_at_most_once(monkeypatch):
    """A2C's update fails when it is traced a second time, from now on."""
    chex.clear_trace_counter()
    counted = ALGOS["a2c"]._replace(update=chex.assert_max_traces(a2c.update, n=1))
    monkeypatch.setitem(ALGOS, "a2c", counted)
    programs.forget()


@pytest.mark.parametrize("algo", [(), ("+algo=a3c", "algo.num_shards=2", "algo.runtime=threads")])
def test_what_does_not_fit_is_refused_before_it_runs(small_config, monkeypatch, algo):
    config = small_config(*algo)
    monkeypatch.setattr(program.machine, "memory_bytes", lambda: 5_000)
    with pytest.raises(ConfigError, match=r"env\.num_envs=8 needs .* lower it to about \d"):
        program.compile_program(config, spec_module.make(config))


def test_a_nan_is_reported(small_config):
    config = small_config("env.name=tests.probe_envs:NotANumber", "env.stagger_starts=false")
    spec = spec_module.make(config)
    compiled = program.compile_program(config, spec)
    state, report = compiled.chunk(spec, fresh(compiled, spec), 1)
    assert report.finite
    _, report = compiled.chunk(spec, state, 1)
    assert not report.finite


def test_evaluation_runs_whole_episodes(small_config):
    config = small_config("evaluation.episodes=32", "++env.params.max_steps_in_episode=7")
    spec = spec_module.make(config)
    compiled = program.compile_program(config, spec)
    returns = compiled.evaluate(spec, fresh(compiled, spec), threefry.key(0))
    np.testing.assert_array_equal(returns, 7)


def test_a_greedy_evaluation_takes_the_most_probable_action(small_config):
    config = small_config("env.name=tests.probe_envs:ActionReward", "evaluation.greedy=true")
    spec = spec_module.make(config)
    compiled = program.compile_program(config, spec)
    returns = np.asarray(compiled.evaluate(spec, fresh(compiled, spec), threefry.key(0)))
    assert len(np.unique(returns)) == 1
