"""The actor-critic: a policy, a value, and the one objective that both A2C and A3C descend."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxac import distributions, normalization, returns
from jaxac.envs import Env
from jaxac.networks import Network
from jaxac.spec import Spec
from jaxac.types import Array, Moments, Params, PRNGKey, PyTree, Transition


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


class Agent(NamedTuple):
    """Pure functions; ``params`` is what the agent needs to act."""

    init: Callable[[PRNGKey], Params]
    apply: Callable[[Params, Array], tuple[Array, Array]]
    """``apply(params, observation [..., O]) -> (logits [..., A], value [...])``."""
    policy: Callable[[Params, Array], Array]
    """``policy(params, observation [..., O]) -> logits [..., A]``."""
    loss: Callable[[PyTree, Moments, Spec, Transition, Array], tuple[Array, Losses]]
    """``loss(weights, moments, spec, transitions [T, B], last_observation [B, O]) -> (scalar, terms)``."""


def masked_mean(x: Array, weight: Array) -> Array:
    """Σ w x / Σ w."""
    return jnp.sum(x * weight) / jnp.sum(weight)


def masked_variance(x: Array, weight: Array) -> Array:
    """The variance of ``x`` under weights ``weight``."""
    return masked_mean(jnp.square(x - masked_mean(x, weight)), weight)


def make(spec: Spec, env: Env, network: Network) -> Agent:
    """The actor-critic for ``env`` on ``network``."""

    def apply(params: Params, observation: Array) -> tuple[Array, Array]:
        if spec.algo.normalize_observations:
            observation = normalization.normalize(params.moments, observation)
        return network.apply(params.network, observation)

    def init(key: PRNGKey) -> Params:
        return Params(network.init(key), normalization.init(env.observation_size))

    def policy(params: Params, observation: Array) -> Array:
        return apply(params, observation)[0]

    def loss(
        weights: PyTree, moments: Moments, spec: Spec, transitions: Transition, last_observation: Array
    ) -> tuple[Array, Losses]:
        params = Params(weights, moments)
        logits, value = apply(params, transitions.observation)

        def value_of(observation: Array) -> Array:
            return jax.lax.stop_gradient(apply(params, observation)[1])

        targets = returns.lambda_returns(
            transitions.reward,
            transitions.discount * spec.algo.discount,
            transitions.done,
            jax.lax.stop_gradient(value),
            next_values(value_of, jax.lax.stop_gradient(value), transitions, last_observation),
            trace_decay(spec),
        )
        total, terms = objective(spec, logits, value, targets, transitions)
        return total, explain(terms, value, targets, transitions.weight)

    return Agent(init, apply, policy, loss)


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
    )


def next_values(
    value_of: Callable[[Array], Array], value: Array, transitions: Transition, last_observation: Array
) -> Array:
    """[T, B] the value of the observation that followed each step, before any reset.

    Where no episode ended that is the next row's value, known already. Where an episode was truncated it is the value
    of ``final_observation``; where one terminated it does not matter, since ``discount`` is 0 there.
    """
    following = jnp.concatenate([value[1:], value_of(last_observation)[None]])
    truncated = was_truncated(transitions)
    return jnp.where(truncated, values_where(value_of, truncated, transitions.final_observation), following)


def was_truncated(transitions: Transition) -> Array:
    """[T, B] bool: the episode was cut by its time limit."""
    return transitions.done & (transitions.discount > 0)


def values_where(value_of: Callable[[Array], Array], mask: Array, observation: Array) -> Array:
    """[T, B] the values of the observations ``[T, B, O]`` selected by ``mask``; 0 elsewhere.

    Truncations are rare, so instead of all ``T · B`` observations batches of ``B / 8`` selected ones are evaluated
    until none is left: usually one batch.
    """
    batch = max(1, mask.shape[1] // 8)
    flat = observation.reshape(mask.size, -1)

    def evaluate(carry: tuple[Array, Array]) -> tuple[Array, Array]:
        left, out = carry
        (index,) = jnp.nonzero(left, size=batch, fill_value=mask.size)
        chosen = jnp.take(flat, index, axis=0, mode="clip")
        return left.at[index].set(False, mode="drop"), out.at[index].set(value_of(chosen), mode="drop")

    carry = (mask.reshape(-1), jnp.zeros(mask.size))
    return jax.lax.while_loop(lambda carry: jnp.any(carry[0]), evaluate, carry)[1].reshape(mask.shape)
