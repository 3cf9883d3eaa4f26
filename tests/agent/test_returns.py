import jax
import numpy as np
import pytest

from jaxac.agent.returns import lambda_returns
from tests import reference

GAMMA = 0.9


@pytest.fixture(params=range(5))
def stream(request):
    """A random stream of 40 steps with terminations and truncations."""
    rng = np.random.default_rng(request.param)
    length = 40
    terminated, truncated = rng.random(length) < 0.1, rng.random(length) < 0.1
    return {
        "reward": rng.normal(size=length).astype(np.float32),
        "discount": (GAMMA * ~terminated).astype(np.float32),
        "done": terminated | truncated,
        "value": rng.normal(size=length).astype(np.float32),
        "next_value": rng.normal(size=length).astype(np.float32),
    }


@pytest.mark.parametrize("gae_lambda", [0.0, 0.3, 0.95, 1.0])
def test_matches_the_sum_written_out(stream, gae_lambda):
    targets = lambda_returns(**stream, gae_lambda=gae_lambda)
    expected = reference.gae(**stream, gae_lambda=gae_lambda)
    np.testing.assert_allclose(targets.advantage, expected, atol=1e-5)
    np.testing.assert_allclose(targets.value, expected + stream["value"], atol=1e-5)


def test_lambda_one_is_the_n_step_return(stream):
    """Only if next_value agrees with value inside an episode, as it does for a real critic, does the sum telescope."""
    inside = ~stream["done"][:-1]
    stream["next_value"][:-1][inside] = stream["value"][1:][inside]
    expected = reference.n_step_return(stream["reward"], stream["discount"], stream["done"], stream["next_value"])
    np.testing.assert_allclose(lambda_returns(**stream, gae_lambda=1.0).value, expected, atol=1e-5)


def test_lambda_zero_is_the_one_step_error(stream):
    expected = stream["reward"] + stream["discount"] * stream["next_value"]
    np.testing.assert_allclose(lambda_returns(**stream, gae_lambda=0.0).value, expected, atol=1e-6)


def test_whole_episodes_are_monte_carlo(stream):
    terminated = stream["discount"] == 0
    stream["done"] = terminated
    inside = ~terminated[:-1]
    stream["next_value"][:-1][inside] = stream["value"][1:][inside]
    expected = reference.monte_carlo_return(stream["reward"], GAMMA, terminated)
    whole = ~np.isnan(expected)
    assert whole.any()
    np.testing.assert_allclose(lambda_returns(**stream, gae_lambda=1.0).value[whole], expected[whole], atol=1e-5)


def test_truncation_bootstraps_and_termination_does_not():
    common = {"reward": np.ones(2, np.float32), "value": np.zeros(2, np.float32), "gae_lambda": 1.0}
    next_value = np.array([7.0, 100.0], np.float32)
    done = np.array([True, False])
    truncated = lambda_returns(discount=np.float32([0.5, 0.5]), done=done, next_value=next_value, **common)
    terminated = lambda_returns(discount=np.float32([0.0, 0.5]), done=done, next_value=next_value, **common)
    assert truncated.value[0] == 1 + 0.5 * 7
    assert terminated.value[0] == 1


def test_a_batch_is_its_columns():
    rng = np.random.default_rng(0)
    batch = [rng.normal(size=(12, 3)).astype(np.float32) for _ in range(4)]
    done = rng.random((12, 3)) < 0.2
    together = lambda_returns(batch[0], batch[1], done, batch[2], batch[3], 0.9)
    for column in range(3):
        alone = lambda_returns(*(x[:, column] for x in (batch[0], batch[1], done, batch[2], batch[3])), 0.9)
        np.testing.assert_array_equal(together.advantage[:, column], alone.advantage)


def test_no_gradient_flows_through_targets():
    def total(value):
        return lambda_returns(value, value, np.zeros(5, bool), value, value, 0.9).value.sum()

    np.testing.assert_array_equal(jax.grad(total)(np.ones(5, np.float32)), 0)


@pytest.mark.parametrize("name", ["reward", "discount", "done", "value", "next_value"])
def test_an_argument_that_would_be_broadcast_is_refused(stream, name):
    stream[name] = stream[name][:1]
    with pytest.raises(AssertionError, match="different shapes"):
        lambda_returns(**stream, gae_lambda=0.9)


def test_a_lambda_for_every_step_is_refused(stream):
    with pytest.raises(AssertionError, match="rank"):
        lambda_returns(**stream, gae_lambda=stream["discount"])
