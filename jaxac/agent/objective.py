"""The one objective that A2C and A3C descend, its terms, and what explains them."""

from typing import NamedTuple

import jax.numpy as jnp

from jaxac.agent import distributions, returns
from jaxac.spec import Spec
from jaxac.types import Array, Transition


class Terms(NamedTuple):
    """Of the objective, scalars."""

    policy_loss: Array
    value_loss: Array
    entropy: Array


class Losses(NamedTuple):
    """The terms of the objective and what explains them, scalars."""

    policy_loss: Array
    value_loss: Array
    entropy: Array
    explained_variance: Array
    advantage_std: Array
    value_mean: Array
    loss_terms: dict[str, Array]
    """The user's own by name, without their weights."""


def masked_mean(x: Array, weight: Array) -> Array:
    """Σ w x / Σ w."""
    return jnp.sum(x * weight) / jnp.sum(weight)


def masked_variance(x: Array, weight: Array) -> Array:
    """The variance of ``x`` under weights ``weight``."""
    return masked_mean(jnp.square(x - masked_mean(x, weight)), weight)


def trace_decay(spec: Spec) -> Array | float:
    """The λ of the returns that ``algo.returns`` names."""
    return spec.algo.gae_lambda if spec.algo.returns == "gae" else 1.0


def objective(
    spec: Spec, logits: Array, value: Array, targets: returns.Targets, transitions: Transition
) -> tuple[Array, Terms]:
    """``−E[log π(a) A] + c_v · ½ E[(R − V)²] − c_e · E[H(π)]`` over the steps that count (Mnih et al. 2016, §4)."""
    weight = transitions.weight
    advantage = targets.advantage
    if spec.algo.normalize_advantage:
        std = jnp.sqrt(masked_variance(advantage, weight))
        advantage = (advantage - masked_mean(advantage, weight)) / (std + 1e-8)
    terms = Terms(
        policy_loss=-masked_mean(distributions.log_prob(logits, transitions.action) * advantage, weight),
        value_loss=0.5 * masked_mean(jnp.square(targets.value - value), weight),
        entropy=masked_mean(distributions.entropy(logits), weight),
    )
    return terms.policy_loss + spec.algo.value_coef * terms.value_loss - spec.algo.entropy_coef * terms.entropy, terms


def explain(terms: Terms, value: Array, targets: returns.Targets, weight: Array) -> Losses:
    """The objective's terms, and how good the critic was."""
    unexplained = masked_variance(targets.value - value, weight)
    return Losses(
        *terms,
        explained_variance=1.0 - unexplained / (masked_variance(targets.value, weight) + 1e-12),
        advantage_std=jnp.sqrt(masked_variance(targets.advantage, weight)),
        value_mean=masked_mean(value, weight),
        loss_terms={},
    )
