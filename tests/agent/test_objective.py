import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxac import envs
from jaxac.agent import bootstrap, distributions, objective
from jaxac.agent.returns import Targets
from jaxac.types import Transition

LENGTH, BATCH = 6, 16

CHOICES = distributions.make(envs.Discrete(2), None)


def transitions(rng, weight=None):
    terminated = rng.random((LENGTH, BATCH)) < 0.15
    truncated = (rng.random((LENGTH, BATCH)) < 0.15) & ~terminated
    return Transition(
        observation=jnp.asarray(rng.normal(size=(LENGTH, BATCH, 3)), jnp.float32),
        action=jnp.asarray(rng.integers(2, size=(LENGTH, BATCH)), jnp.int32),
        reward=jnp.asarray(rng.normal(size=(LENGTH, BATCH)), jnp.float32),
        discount=jnp.asarray(~terminated, jnp.float32),
        done=jnp.asarray(terminated | truncated),
        final_observation=jnp.asarray(rng.normal(size=(LENGTH, BATCH, 3)), jnp.float32),
        weight=jnp.ones((LENGTH, BATCH)) if weight is None else weight,
    )


def value_of(observation, memory=()):
    assert memory == ()
    return observation.sum(-1)


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 1.0])
def test_values_where_evaluates_exactly_the_selected(share):
    rng = np.random.default_rng(0)
    observation = jnp.asarray(rng.normal(size=(LENGTH, BATCH, 3)), jnp.float32)
    mask = jnp.asarray(rng.random((LENGTH, BATCH)) < share)
    expected = jnp.where(mask, value_of(observation), 0.0)
    np.testing.assert_array_equal(bootstrap.values_where(value_of, mask, observation), expected)


def test_fewer_than_eight_environments_are_evaluated_one_at_a_time():
    """No batch is empty: with none, the loop would never end."""
    batches = []

    def value_of(observation, memory):
        batches.append(len(observation))
        assert len(observation) > 0
        return observation.sum(-1)

    observation = jnp.asarray(np.random.default_rng(0).normal(size=(LENGTH, 3, 3)), jnp.float32)
    found = bootstrap.values_where(value_of, jnp.ones((LENGTH, 3), bool), observation)
    np.testing.assert_allclose(found, observation.sum(-1), rtol=1e-6)
    assert set(batches) == {1}


def test_a_termination_is_no_truncation():
    batch = transitions(np.random.default_rng(1))
    np.testing.assert_array_equal(bootstrap.was_truncated(batch), batch.done & (batch.discount == 1))
    assert (batch.done & (batch.discount == 0)).any() and bootstrap.was_truncated(batch).any()


def test_next_values_are_those_of_what_followed():
    rng = np.random.default_rng(1)
    batch = transitions(rng)
    value = value_of(batch.observation)
    last = jnp.asarray(rng.normal(size=(BATCH, 3)), jnp.float32)
    found = np.asarray(bootstrap.next_values(value_of, value, batch, last))
    for t in range(LENGTH):
        for b in range(BATCH):
            if batch.discount[t, b] == 0:
                continue  # nothing is bootstrapped
            follows = last[b] if t == LENGTH - 1 else batch.observation[t + 1, b]
            follows = batch.final_observation[t, b] if batch.done[t, b] else follows
            np.testing.assert_allclose(found[t, b], value_of(follows), rtol=1e-6)


def random_objective(spec, rng, weight=None):
    batch = transitions(rng, weight)
    logits = jnp.asarray(rng.normal(size=(LENGTH, BATCH, 2)), jnp.float32)
    value, advantage = (jnp.asarray(rng.normal(size=(LENGTH, BATCH)), jnp.float32) for _ in range(2))
    targets = Targets(advantage, advantage + value)
    return logits, value, targets, batch


def test_objective_is_its_terms(small_spec):
    spec = small_spec("algo.value_coef=0.7", "algo.entropy_coef=0.2")
    total, terms = objective.objective(spec, CHOICES, *random_objective(spec, np.random.default_rng(2)))
    expected = terms.policy_loss + 0.7 * terms.value_loss - 0.2 * terms.entropy
    np.testing.assert_allclose(total, expected, rtol=1e-6)


def test_a_value_that_would_be_broadcast_is_refused(small_spec):
    logits, value, targets, batch = random_objective(small_spec(), np.random.default_rng(2))
    with pytest.raises(AssertionError, match="different shapes"):
        objective.objective(small_spec(), CHOICES, logits, value[:1], targets, batch)


def test_policy_gradient_is_the_score_times_the_advantage(small_spec):
    """∂/∂logits of −log π(a) A is A (π − 1_a): written out by hand."""
    spec = small_spec("algo.value_coef=0", "algo.entropy_coef=0")
    logits, value, targets, batch = random_objective(spec, np.random.default_rng(3))
    gradient = jax.grad(lambda logits: objective.objective(spec, CHOICES, logits, value, targets, batch)[0])(logits)
    chosen = jax.nn.one_hot(batch.action, 2)
    expected = (jax.nn.softmax(logits) - chosen) * targets.advantage[..., None] / (LENGTH * BATCH)
    np.testing.assert_allclose(gradient, expected, atol=1e-6)


def test_entropy_bonus_raises_entropy(small_spec):
    """The sign that is easy to get wrong."""
    spec = small_spec("algo.value_coef=0", "algo.entropy_coef=1")
    logits, value, targets, batch = random_objective(spec, np.random.default_rng(4))
    targets = Targets(jnp.zeros_like(value), value)

    def entropy(logits):
        return objective.objective(spec, CHOICES, logits, value, targets, batch)[1].entropy

    gradient = jax.grad(lambda logits: objective.objective(spec, CHOICES, logits, value, targets, batch)[0])(logits)
    assert entropy(logits - 0.1 * gradient) > entropy(logits)


def test_steps_of_weight_zero_do_not_count(small_spec):
    spec = small_spec("algo.normalize_advantage=true")
    rng = np.random.default_rng(5)
    weight = jnp.asarray(rng.random((LENGTH, BATCH)) < 0.5, jnp.float32)
    logits, value, targets, batch = random_objective(spec, rng, weight)
    counted = np.flatnonzero(np.asarray(weight))
    only = jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:])[counted], (logits, value, targets, batch))
    for whole, part in zip(
        jax.tree.leaves(objective.objective(spec, CHOICES, logits, value, targets, batch)),
        jax.tree.leaves(objective.objective(spec, CHOICES, *only)),
        strict=True,
    ):
        np.testing.assert_allclose(whole, part, rtol=1e-4, atol=1e-6)


def test_normalized_advantages_ignore_scale_and_offset(small_spec):
    spec = small_spec("algo.normalize_advantage=true", "algo.value_coef=0")
    logits, value, targets, batch = random_objective(spec, np.random.default_rng(6))
    scaled = targets._replace(advantage=7 * targets.advantage + 3)
    np.testing.assert_allclose(
        objective.objective(spec, CHOICES, logits, value, targets, batch)[0],
        objective.objective(spec, CHOICES, logits, value, scaled, batch)[0],
        rtol=1e-4,
        atol=1e-6,
    )


def test_explained_variance_of_a_perfect_critic_is_one(small_spec):
    spec = small_spec()
    logits, value, _, batch = random_objective(spec, np.random.default_rng(7))
    targets = Targets(jnp.zeros_like(value), value)
    _, terms = objective.objective(spec, CHOICES, logits, value, targets, batch)
    perfect = objective.metrics(objective.explain(terms, value, targets, batch.weight))
    np.testing.assert_allclose(perfect.explained_variance, 1, rtol=1e-6)


def test_a_critic_of_constant_targets_is_no_better_than_perfect(small_spec):
    spec = small_spec()
    logits, value, _, batch = random_objective(spec, np.random.default_rng(8))
    targets = Targets(jnp.zeros_like(value), jnp.ones_like(value))
    _, terms = objective.objective(spec, CHOICES, logits, value, targets, batch)
    assert objective.metrics(objective.explain(terms, value, targets, batch.weight)).explained_variance < 0


def test_metrics_do_not_depend_on_how_a_batch_is_cut(small_spec):
    """Variances of a whole batch are no means of its parts' variances."""
    spec = small_spec()
    logits, value, targets, batch = random_objective(spec, np.random.default_rng(9))
    offsets = jnp.broadcast_to(jnp.arange(value.shape[1]), value.shape)  # so that the parts' means differ
    targets = Targets(targets.advantage + offsets, targets.value + offsets)
    batch = batch._replace(weight=jnp.ones_like(value))

    def losses(part):
        mine = jax.tree.map(lambda x: x[:, part], (logits, value, targets, batch))
        _, terms = objective.objective(spec, CHOICES, *mine)
        return objective.explain(terms, mine[1], mine[2], mine[3].weight)

    half = value.shape[1] // 2
    parts = jax.tree.map(lambda *x: jnp.stack(x), losses(slice(half)), losses(slice(half, None)))
    together = objective.metrics(objective.pooled(parts, jnp.array([0.5, 0.5])))
    whole = objective.metrics(losses(slice(None)))
    np.testing.assert_allclose(jax.tree.leaves(together), jax.tree.leaves(whole), rtol=1e-4)
    assert whole.advantage_std > 1.2 * np.mean(np.sqrt(parts.advantage.variance))
