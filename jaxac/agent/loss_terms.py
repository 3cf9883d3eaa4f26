"""A user's own terms of the objective: each a function of :class:`LossInputs`, times a weight."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxac.agent import objective
from jaxac.agent.returns import Targets
from jaxac.config import import_path
from jaxac.config.parts import LossTerms
from jaxac.envs import Discrete, Env
from jaxac.errors import ConfigError
from jaxac.types import Array, Moments, Params, PRNGKey, PyTree, Transition


class LossInputs(NamedTuple):
    """The argument of a term: the network's weights, and a shard's unroll with its outputs at these weights."""

    weights: PyTree
    """The network's weights, with respect to which the term is differentiated."""
    apply: Callable[[PyTree, Array], tuple[Array, Array]]
    """``apply(weights, observation [T, B, O]) -> (the policy's parameters [T, B, size], value [T, B])``: as if
    the unroll had met these observations. A network without memory takes any leading axes."""
    transitions: Transition
    """[T, B] the unroll."""
    targets: Targets
    """[T, B] advantages and λ-returns, through which no gradient flows."""
    logits: Array
    """[T, B, A] logits of the policy at ``transitions.observation``; [T, B, 2 N] parameters of a Gaussian one."""
    value: Array
    """[T, B] values of ``transitions.observation``."""

    def mean(self, x: Array) -> Array:
        """[] mean of ``x [T, B]`` over the steps that count, as the other terms of the objective are means."""
        return objective.masked_mean(x, self.transitions.weight)


Function = Callable[[LossInputs], Array]
"""``function(inputs) -> term []``."""


def values(terms: LossTerms, inputs: LossInputs) -> dict[str, Array]:
    """The terms' values ``[]`` by name, without their weights."""
    return {name: jnp.asarray(_load(name, terms)(inputs), jnp.float32) for name in terms}


def add(terms: LossTerms, total: Array, values: dict[str, Array]) -> Array:
    """[] the objective ``total []`` plus the weighted terms, whose ``values`` are ``[]``."""
    for name, term in terms.items():
        total = total + term.weight * values[name]
    return total


def check(
    terms: LossTerms,
    env: Env,
    init: Callable[[PRNGKey], Params],
    unroll: Callable[[Params, Array, PyTree, Array], tuple[Array, Array, PyTree]],
    memory: PyTree = (),
) -> None:
    """Tries every term on shapes, before anything is compiled.

    Args:
        terms: the terms by name.
        env: the environment.
        init: the agent's ``init(key) -> params``.
        unroll: the agent's, see :attr:`jaxac.agent.actor_critic.Agent.unroll`.
        memory: [2, H] the agent's memory at the start of two episodes.

    Raises:
        ConfigError: if a term cannot be imported or differentiated, or is not a scalar.
    """

    def apply(params: Params, observation: Array) -> tuple[Array, Array]:
        return unroll(params, observation, memory, jnp.zeros((3, 2), bool))[:2]

    for name, term in terms.items():
        params = jax.eval_shape(init, jax.random.key(0))
        _check(f"algo.loss_terms.{name}.function={term.function}", _load(name, terms), env, params, apply)


def _check(
    name: str,
    function: Function,
    env: Env,
    params: Params,
    apply: Callable[[Params, Array], tuple[Array, Array]],
) -> None:
    def value(weights: PyTree, params: Params, transitions: Transition) -> Array:
        applied = functools.partial(_apply, apply, params.moments)
        logits, value = applied(weights, transitions.observation)
        return function(LossInputs(weights, applied, transitions, Targets(value, value), logits, value))

    arguments = params.network, params, _transitions(env)
    try:
        found = jax.eval_shape(value, *arguments)
        scalar = getattr(found, "shape", None) == () and jnp.issubdtype(found.dtype, jnp.floating)
        if scalar:
            jax.eval_shape(jax.grad(value), *arguments)
    except Exception as error:
        raise ConfigError(
            f"{name} cannot be differentiated: {import_path.explain(error)}; mend the function."
        ) from error
    if not scalar:
        what = f"{found.dtype}{list(found.shape)}" if hasattr(found, "shape") else type(found).__name__
        raise ConfigError(f"{name} returns {what}; return one number, for example inputs.mean(x) for x [T, B].")


def _apply(
    apply: Callable[[Params, Array], tuple[Array, Array]], moments: Moments, weights: PyTree, observation: Array
) -> tuple[Array, Array]:
    """The agent's ``apply`` as terms have it: a function of the weights alone."""
    return apply(Params(weights, moments), observation)


def _transitions(env: Env) -> Transition:
    """Shapes of an unroll of 3 steps of 2 environments."""

    def zeros() -> Transition:
        number, observation = jnp.zeros((3, 2)), jnp.zeros((3, 2, env.observation_size))
        flag = number.astype(bool)
        actions = env.actions
        size = None if isinstance(actions, Discrete) else len(actions.bounded)
        action = number.astype(jnp.int32) if size is None else jnp.zeros((3, 2, size))
        return Transition(observation, action, number, number, flag, observation, number)

    return jax.eval_shape(zeros)


def _load(name: str, terms: LossTerms) -> Function:
    with jax.ensure_compile_time_eval():
        return import_path.load(f"algo.loss_terms.{name}.function", terms[name].function)
