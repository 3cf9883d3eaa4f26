"""The actor-critic: a policy, a value, and the one objective that both A2C and A3C descend."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxac import envs
from jaxac.agent import bootstrap, distributions, loss_terms, networks, normalization, objective, own_network, returns
from jaxac.agent.distributions import Distribution
from jaxac.agent.loss_terms import LossInputs
from jaxac.agent.networks import Network
from jaxac.agent.objective import Losses
from jaxac.config.network import check_observation
from jaxac.config.parts import ConvNetworkConfig, NetworkConfig
from jaxac.envs import Env
from jaxac.spec import Spec
from jaxac.types import Array, Moments, Params, PRNGKey, PyTree, Transition


class Agent(NamedTuple):
    """The pure functions of an actor-critic."""

    init: Callable[[PRNGKey], Params]
    """``init(key) -> params``: fresh weights, and moments of no observation."""
    apply: Callable[[Params, Array], tuple[Array, Array]]
    """``apply(params, observation [..., O]) -> (the policy's parameters [..., size], value [...])``."""
    policy: Callable[[Params, Array], Array]
    """``policy(params, observation [..., O])``: the distribution's parameters ``[..., size]``, such as logits."""
    distribution: Distribution
    """The family of distributions over actions that the policy chooses from."""
    loss: Callable[[PyTree, Moments, Transition, Array], tuple[Array, Losses]]
    """``loss(weights, moments, transitions [T, B], last_observation [B, O]) -> (loss [], terms)``."""


def make(spec: Spec, env: Env, network: Network) -> Agent:
    """The actor-critic of a network in an environment."""

    def apply(params: Params, observation: Array) -> tuple[Array, Array]:
        if spec.algo.normalize_observations:
            observation = normalization.normalize(params.moments, observation)
        elif observation.dtype == jnp.uint8:
            observation = observation / 255  # pixels, as Mnih et al. 2015 have them
        else:
            observation = observation.astype(jnp.float32)
        return network.apply(params.network, observation)

    def init(key: PRNGKey) -> Params:
        return Params(network.init(key), normalization.init(env.observation_size, spec.algo.normalize_rewards))

    def policy(params: Params, observation: Array) -> Array:
        return apply(params, observation)[0]

    distribution = distributions.make(env.actions, spec.algo.gaussian)
    return Agent(init, apply, policy, distribution, functools.partial(_loss, spec, distribution, apply))


def _loss(
    spec: Spec,
    distribution: Distribution,
    apply: Callable[[Params, Array], tuple[Array, Array]],
    weights: PyTree,
    moments: Moments,
    transitions: Transition,
    last_observation: Array,
) -> tuple[Array, Losses]:
    """The objective ``[]`` at ``weights``, and its terms; the arguments are those of :attr:`Agent.loss`."""

    def applied(weights: PyTree, observation: Array) -> tuple[Array, Array]:
        return apply(Params(weights, moments), observation)

    def value_of(observation: Array) -> Array:
        return jax.lax.stop_gradient(applied(weights, observation)[1])

    logits, value = applied(weights, transitions.observation)
    targets = returns.lambda_returns(
        transitions.reward,
        transitions.discount * spec.algo.discount,
        transitions.done,
        jax.lax.stop_gradient(value),
        bootstrap.next_values(value_of, jax.lax.stop_gradient(value), transitions, last_observation),
        objective.trace_decay(spec),
    )
    total, terms = objective.objective(spec, distribution, logits, value, targets, transitions)
    losses = objective.explain(terms, value, targets, transitions.weight)
    inputs = LossInputs(weights, applied, transitions, targets, logits, value)
    added = loss_terms.values(spec.algo.loss_terms, inputs)
    return loss_terms.add(spec.algo.loss_terms, total, added), losses._replace(loss_terms=added)


def build(spec: Spec) -> tuple[Env, Agent]:
    """The environment and the agent of a training program.

    Raises:
        ConfigError: if the environment or the network is the user's own and cannot work.
    """
    env, config = envs.make(spec.env.name), spec.network
    distribution = distributions.make(env.actions, spec.algo.gaussian)
    if isinstance(config, ConvNetworkConfig):
        check_observation(config, spec.env.name, env.observation_shape)
    if isinstance(config, NetworkConfig):
        network = networks.make(config, env.observation_shape, distribution.size, distribution.constant)
    else:
        network = own_network.make(config, env.observation_shape, distribution.size)
    return env, make(spec, env, network)
