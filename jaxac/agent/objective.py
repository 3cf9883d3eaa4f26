"""The objective that A2C and A3C minimize, its terms, and diagnostics of the critic."""

from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np

from jaxac.agent import returns
from jaxac.agent.distributions import Distribution
from jaxac.reports import Metrics
from jaxac.spec import Spec
from jaxac.types import Array, Transition


class Terms(NamedTuple):
    """The terms of the objective, means over the steps that count."""

    policy_loss: Array
    """[] float32, −E[log π(a) A]."""
    value_loss: Array
    """[] float32, ½ E[(R − V)²]."""
    entropy: Array
    """[] float32, E[H(π)], in nats."""


class Spread(NamedTuple):
    """Mean and variance of a quantity over the steps that count."""

    mean: Array
    """[] float32, the mean."""
    variance: Array
    """[] float32, the variance around it."""


class Losses(NamedTuple):
    """The terms of the objective and diagnostics of the critic, in a form that parts of a batch can be pooled from."""

    policy_loss: Array
    """[] float32, −E[log π(a) A]."""
    value_loss: Array
    """[] float32, ½ E[(R − V)²]."""
    entropy: Array
    """[] float32, E[H(π)], in nats."""
    returns: Spread
    """The λ-returns R."""
    errors: Spread
    """The critic's errors R − V."""
    advantage: Spread
    """The advantages A, before any normalization."""
    value_mean: Array
    """[] float32, mean of the critic's values."""
    loss_terms: dict[str, Array]
    """[] float32 each, the user's own terms by name, without their weights."""


def masked_mean(x: Array, weight: Array) -> Array:
    """[] the weighted mean Σ w x / Σ w of ``x [...]``, with weights ``weight [...]``.

    >>> float(masked_mean(jnp.array([1.0, 2.0, 9.0]), jnp.array([1.0, 1.0, 0.0])))
    1.5
    """
    return jnp.sum(x * weight) / jnp.sum(weight)


def masked_variance(x: Array, weight: Array) -> Array:
    """[] the weighted variance of ``x [...]``, with weights ``weight [...]``."""
    return spread(x, weight).variance


def spread(x: Array, weight: Array) -> Spread:
    """Weighted mean and variance of ``x [...]``, with weights ``weight [...]``."""
    mean = masked_mean(x, weight)
    return Spread(mean, masked_mean(jnp.square(x - mean), weight))


def trace_decay(spec: Spec) -> Array | float:
    """[] the λ of the returns that ``algo.returns`` names."""
    return spec.algo.gae_lambda if spec.algo.returns == "gae" else 1.0


def objective(
    spec: Spec,
    distribution: Distribution,
    logits: Array,
    value: Array,
    targets: returns.Targets,
    transitions: Transition,
) -> tuple[Array, Terms]:
    """``−E[log π(a) A] + c_v · ½ E[(R − V)²] − c_e · E[H(π)]`` over the steps that count (Mnih et al. 2016, §4).

    Args:
        spec: the training program, with the coefficients c_v and c_e.
        distribution: the distributions that the policy chooses from.
        logits: [T, B, size] the distributions' parameters.
        value: [T, B] the critic's values V.
        targets: [T, B] advantages A and λ-returns R.
        transitions: [T, B] the unroll.

    Returns:
        [] the objective, and its terms.
    """
    chex.assert_equal_shape([value, *targets, transitions.weight])
    chex.assert_shape(transitions.action, (*value.shape, *distribution.shape))
    chex.assert_rank(logits, value.ndim + 1)
    weight = transitions.weight
    advantage = targets.advantage
    if spec.algo.normalize_advantage:
        std = jnp.sqrt(masked_variance(advantage, weight))
        advantage = (advantage - masked_mean(advantage, weight)) / (std + 1e-8)
    terms = Terms(
        policy_loss=-masked_mean(distribution.log_prob(logits, transitions.action) * advantage, weight),
        value_loss=0.5 * masked_mean(jnp.square(targets.value - value), weight),
        entropy=masked_mean(distribution.entropy(logits), weight),
    )
    bonus: Any = spec.algo.entropy_coef  # a shard's own, if each has its own
    return terms.policy_loss + spec.algo.value_coef * terms.value_loss - bonus * terms.entropy, terms


def explain(terms: Terms, value: Array, targets: returns.Targets, weight: Array) -> Losses:
    """The terms of the objective, with diagnostics of the critic.

    Args:
        terms: the terms of the objective.
        value: [T, B] the critic's values.
        targets: [T, B] advantages and λ-returns.
        weight: [T, B] 1 where a step counts, else 0.
    """
    return Losses(
        *terms,
        returns=spread(targets.value, weight),
        errors=spread(targets.value - value, weight),
        advantage=spread(targets.advantage, weight),
        value_mean=masked_mean(value, weight),
        loss_terms={},
    )


def pooled(losses: Losses, share: Array | np.ndarray) -> Losses:
    """The losses of a whole batch, from those of its parts.

    Args:
        losses: [...] losses of the parts, as arrays of JAX or numpy.
        share: [...] shares of the parts in the batch, which add up to 1.
    """

    def pool(x: Any) -> Any:
        if not isinstance(x, Spread):
            return (x * share).sum()
        mean = (x.mean * share).sum()
        return Spread(mean, ((x.variance + (x.mean - mean) ** 2) * share).sum())

    return jax.tree.map(pool, losses, is_leaf=lambda x: isinstance(x, Spread))


def metrics(losses: Losses) -> Metrics:
    """The metrics that rows hold, from the losses ``[]`` of a whole batch."""
    return Metrics(
        policy_loss=losses.policy_loss,
        value_loss=losses.value_loss,
        entropy=losses.entropy,
        explained_variance=1.0 - losses.errors.variance / (losses.returns.variance + 1e-12),
        advantage_std=losses.advantage.variance**0.5,
        value_mean=losses.value_mean,
        loss_terms=losses.loss_terms,
    )
