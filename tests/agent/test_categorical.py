import jax
import jax.numpy as jnp
import numpy as np
import scipy.special
import scipy.stats

from jaxac.agent import categorical


def sample(key, logits):
    return categorical.sample(logits.shape[-1], categorical.noise(key, logits.shape[:-1]), logits)


LOGITS = jnp.array([0.5, -1.0, 2.0, 0.0])


def test_samples_follow_the_probabilities():
    samples = sample(jax.random.key(0), jnp.tile(LOGITS, (100_000, 1)))
    counts = np.bincount(np.asarray(samples), minlength=4)
    probabilities = scipy.special.softmax(np.asarray(LOGITS, np.float64))
    assert scipy.stats.chisquare(counts, 100_000 * probabilities).pvalue > 1e-3


def test_every_sample_is_an_action_even_when_one_is_certain():
    logits = jnp.tile(jnp.array([-1e9, 0.0, -1e9]), (1000, 1))
    np.testing.assert_array_equal(sample(jax.random.key(1), logits), 1)


def test_entropy_and_log_prob_match_scipy():
    probabilities = np.asarray(jax.nn.softmax(LOGITS), np.float64)
    np.testing.assert_allclose(categorical.entropy(LOGITS), scipy.stats.entropy(probabilities), rtol=1e-5)
    log_probs = [categorical.log_prob(LOGITS, jnp.int32(action)) for action in range(4)]
    np.testing.assert_allclose(log_probs, np.log(probabilities), rtol=1e-5)


def test_mode_is_the_most_probable_action():
    assert categorical.mode(LOGITS) == 2


def test_strict_dtypes():
    with jax.numpy_dtype_promotion("strict"):
        assert sample(jax.random.key(0), LOGITS[None]).dtype == jnp.int32
        categorical.entropy(LOGITS)
        categorical.log_prob(LOGITS, jnp.int32(0))


def test_a_number_above_the_rounded_sum_of_all_chooses_the_last_action():
    assert categorical.sample(4, jnp.float32(1.0), LOGITS) == 3
