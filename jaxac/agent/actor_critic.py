"""The actor-critic: a policy, a value, and the one objective that both A2C and A3C descend."""

from collections.abc import Callable
from typing import NamedTuple

import jax

from jaxac import envs
from jaxac.agent import bootstrap, networks, normalization, objective, returns
from jaxac.agent.networks import Network
from jaxac.agent.objective import Losses
from jaxac.envs import Env
from jaxac.spec import Spec
from jaxac.types import Array, Moments, Params, PRNGKey, PyTree, Transition


class Agent(NamedTuple):
    """Pure functions; ``params`` is what the agent needs to act."""

    init: Callable[[PRNGKey], Params]
    apply: Callable[[Params, Array], tuple[Array, Array]]
    """``apply(params, observation [..., O]) -> (logits [..., A], value [...])``."""
    policy: Callable[[Params, Array], Array]
    """``policy(params, observation [..., O]) -> logits [..., A]``."""
    loss: Callable[[PyTree, Moments, Transition, Array], tuple[Array, Losses]]
    """``loss(weights, moments, transitions [T, B], last_observation [B, O]) -> (scalar, terms)``."""


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
        weights: PyTree, moments: Moments, transitions: Transition, last_observation: Array
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
            bootstrap.next_values(value_of, jax.lax.stop_gradient(value), transitions, last_observation),
            objective.trace_decay(spec),
        )
        total, terms = objective.objective(spec, logits, value, targets, transitions)
        return total, objective.explain(terms, value, targets, transitions.weight)

    return Agent(init, apply, policy, loss)


def build(spec: Spec) -> tuple[Env, Agent]:
    """The environment and the agent of a training program."""
    env = envs.make(spec.env.name)
    return env, make(spec, env, networks.make(spec.network, env.observation_size, env.num_actions))
