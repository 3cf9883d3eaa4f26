"""Returns and advantages: one λ-recursion that has the usual estimators as special cases.

With the one-step error ``δ_t = r_t + γ d_t v'_t − v_t`` the generalized advantage estimate is

    A_t = δ_t + γ λ (1 − done_t) A_{t+1},        R_t = A_t + v_t

(Schulman et al. 2016, "High-Dimensional Continuous Control Using Generalized Advantage Estimation", eq. 16),
where ``v'_t`` is the value of the observation that *followed* step ``t`` before any reset, ``d_t`` is 0 at a
termination, and ``done_t`` cuts the sum at terminations and truncations alike. So a truncated episode is
bootstrapped with the value of its own final observation, and never leaks into the next one.

* ``λ = 1`` telescopes to the n-step return of A3C (Mnih et al. 2016, Algorithm S3): rewards up to the end of the
  unroll or of the episode, then a bootstrap.
* ``λ = 1`` on whole episodes is the Monte Carlo return: after a termination nothing is left to bootstrap.
* ``λ = 0`` is the one-step temporal-difference target.
"""

from typing import NamedTuple

import chex
import jax

from jaxac.types import Array


class Targets(NamedTuple):
    """Targets of policy and critic, through which no gradient flows."""

    advantage: Array
    """[T] (or [T, B]) advantages A_t, the weights of the policy's gradient."""
    value: Array
    """[T] (or [T, B]) λ-returns R_t, which the critic regresses on."""


def errors(
    reward: Array, discount: Array, done: Array, value: Array, next_value: Array, gae_lambda: Array | float
) -> tuple[Array, Array]:
    """``δ_t [T]`` and the factor ``γ λ (1 − done_t) [T]`` of ``A_{t+1}``; arguments as :func:`lambda_returns`."""
    return reward + discount * next_value - value, discount * gae_lambda * (1.0 - done)


def accumulate(advantage: Array, delta: Array, decay: Array) -> Array:
    """``A_t [...]`` from ``A_{t+1} [...]``, the error ``δ_t [...]`` and the factor ``decay [...]``."""
    return delta + decay * advantage


def lambda_returns(
    reward: Array, discount: Array, done: Array, value: Array, next_value: Array, gae_lambda: Array | float
) -> Targets:
    """The λ-recursion on one stream.

    Args:
        reward: [T].
        discount: [T] the γ of each step, 0 where the episode terminated.
        done: [T] bool, terminated or truncated.
        value: [T] the critic's value of the observation at each step.
        next_value: [T] the critic's value of the observation that followed each step, before any reset.
        gae_lambda: scalar in [0, 1].
    """
    chex.assert_equal_shape([reward, discount, done, value, next_value])
    chex.assert_rank(gae_lambda, 0)
    delta, decay = errors(reward, discount, done, value, next_value, gae_lambda)

    def step(advantage: Array, inputs: tuple[Array, Array]) -> tuple[Array, Array]:
        advantage = accumulate(advantage, *inputs)
        return advantage, advantage

    _, advantage = jax.lax.scan(step, jax.numpy.zeros_like(delta[0]), (delta, decay), reverse=True)
    return jax.lax.stop_gradient(Targets(advantage, advantage + value))
