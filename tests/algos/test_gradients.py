"""Watched gradients: their cosines and noise are those of a plain computation, and watching changes no bit."""

import itertools

import jax.numpy as jnp
import numpy as np
import pytest

from jaxac.algos import ALGOS, gradients
from jaxac.errors import ConfigError
from jaxac.storage import run_directory
from tests.updates import advance
from tests.whole_runs import runs_in, summary

A3C = ("+algo=a3c", "algo.num_shards=2")
WATCHED = "algo.watch_gradients=true"


def plain(sequence, decay):
    """[N] cosines and [N] noises of gradients ``[N, D]``, by sums over all that came before each."""
    cosines, noises = [0.0], []
    for before, after in itertools.pairwise(sequence):
        cosines.append(before @ after / np.linalg.norm(before) / np.linalg.norm(after))
    for count in range(1, len(sequence) + 1):
        weights = decay ** np.arange(count)[::-1]
        mean = weights @ sequence[:count] / weights.sum()
        square = weights @ (sequence[:count] ** 2).sum(axis=1) / weights.sum()
        noises.append(1 - mean @ mean / square)
    return np.array(cosines), np.array(noises)


def test_cosines_and_noise_are_those_of_a_plain_computation():
    sequence = np.random.default_rng(0).normal(0.3, 1.0, (12, 6))
    seen, told = gradients.init({"w": jnp.zeros((2, 2)), "b": jnp.zeros(2)}), []
    for row in sequence.astype(np.float32):
        seen, found = gradients.watch(seen, {"w": jnp.asarray(row[:4].reshape(2, 2)), "b": jnp.asarray(row[4:])})
        told.append([float(found["gradient_cosine"]), float(found["gradient_noise"])])
    assert int(seen.steps) == 12
    expected = plain(sequence, gradients._DECAY)
    np.testing.assert_allclose(np.array(told).T, expected, rtol=2e-4, atol=2e-5)


def test_one_gradient_all_the_time_has_no_noise_and_no_gradient_at_all_is_no_error():
    seen = gradients.init(jnp.zeros(3))
    for _ in range(3):
        seen, found = gradients.watch(seen, jnp.array([1.0, -2.0, 0.5]))
    assert float(found["gradient_cosine"]) == pytest.approx(1)
    assert float(found["gradient_noise"]) == pytest.approx(0, abs=1e-5)
    _, found = gradients.watch(gradients.init(jnp.zeros(3)), jnp.zeros(3))
    assert all(np.isfinite(float(value)) for value in found.values())


@pytest.mark.parametrize("algo", [("+algo=a2c",), pytest.param(A3C, marks=pytest.mark.slow)], ids=["a2c", "a3c"])
def test_watching_changes_no_bit_and_rows_tell(run, algo):
    watching, not_ = run(*algo, WATCHED, at="watching"), run(*algo, at="not")
    assert summary(watching)["params_digest"] == summary(not_)["params_digest"]
    rows = run_directory.rows(watching)
    assert all(-1 <= row["train/gradient_cosine"] <= 1 for row in rows)
    assert all(-1e-5 <= row["train/gradient_noise"] <= 1 for row in rows)  # of a single gradient 0, but for rounding
    assert not any("train/gradient_cosine" in row for row in run_directory.rows(not_))


def test_a_report_sums_over_the_servers_steps(small_spec):
    spec = small_spec(*A3C, WATCHED)
    state, reports = advance(ALGOS["a3c"], spec, 3)
    assert int(state.server.watched.steps) == 6 and {float(each.steps.taken) for each in reports} == {2.0}
    for each in reports:
        means = each.steps.means
        assert float(means["gradient_cosine"]) == pytest.approx(float(each.steps.gradient_cosine) / 2)
    assert len({float(each.steps.gradient_cosine) for each in reports}) == 3


@pytest.mark.slow
def test_a_replay_tells_what_its_run_told(run):
    real = run(*A3C, WATCHED, "algo.runtime=threads", at="real")
    again = run(*A3C, WATCHED, "algo.runtime=replay", f"algo.events={real}", at="again")
    for name in ("train/gradient_cosine", "train/gradient_noise"):
        assert [row[name] for row in run_directory.rows(real)] == [row[name] for row in run_directory.rows(again)]


def test_without_a_lock_gradients_have_no_order(small_config):
    with pytest.raises(ConfigError, match=r"algo.watch_gradients=true needs algo.lock=true"):
        small_config(*A3C, WATCHED, "algo.runtime=threads", "algo.lock=false")


@pytest.fixture
def run(small_config, run_dir):
    """``run(*overrides, at=…)``: trains in a directory of its own and returns it."""
    return runs_in(run_dir, small_config)
