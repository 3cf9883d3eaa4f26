"""The actor-critic: a policy, a value, and the one objective that both A2C and A3C descend."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax

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
    step: Callable[[Params, Array, PyTree], tuple[Array, Array, PyTree]]
    """``step(params, observation [..., O], memory [..., H])``: the distribution's parameters ``[..., size]``, such as
    logits, the value ``[...]``, and the memory ``[..., H]`` after the observation; ``()`` where there is no memory."""
    unroll: Callable[[Params, Array, PyTree, Array], tuple[Array, Array, PyTree]]
    """``unroll(params, observation [T, B, O], memory [B, H], done [T, B])``: the same for ``T`` steps, ``[T, B, ...]``,
    from the memory before the first; where a step's episode is done, the next step starts without memory."""
    distribution: Distribution
    """The family of distributions over actions that the policy chooses from."""
    loss: Callable[..., tuple[Array, Losses]]
    """``loss(weights, moments, transitions [T, B], last_observation [B, O], memory [B, H]) -> (loss [], terms)``; the
    memory is the one before the first step, through which no gradient flows."""


def make(spec: Spec, env: Env, network: Network) -> Agent:
    """The actor-critic of a network in an environment."""

    def seen(params: Params, observation: Array) -> Array:
        if spec.algo.normalize_observations:
            return normalization.normalize(params.moments, observation)
        return envs.numbers(observation)

    def init(key: PRNGKey) -> Params:
        return Params(network.init(key), normalization.init(env.observation_size, spec.algo.normalize_rewards))

    def step(params: Params, observation: Array, memory: PyTree) -> tuple[Array, Array, PyTree]:
        return network.step(params.network, seen(params, observation), memory)

    def unroll(params: Params, observation: Array, memory: PyTree, done: Array) -> tuple[Array, Array, PyTree]:
        return network.unroll(params.network, seen(params, observation), memory, done)

    distribution = distributions.make(env.actions, spec.algo.gaussian)
    return Agent(init, step, unroll, distribution, functools.partial(_loss, spec, distribution, step, unroll))


def _loss(
    spec: Spec,
    distribution: Distribution,
    step: Callable[[Params, Array, PyTree], tuple[Array, Array, PyTree]],
    unroll: Callable[[Params, Array, PyTree, Array], tuple[Array, Array, PyTree]],
    weights: PyTree,
    moments: Moments,
    transitions: Transition,
    last_observation: Array,
    memory: PyTree = (),
) -> tuple[Array, Losses]:
    """The objective ``[]`` at ``weights``, and its terms; the arguments are those of :attr:`Agent.loss`."""

    def applied(weights: PyTree, observation: Array) -> tuple[Array, Array]:
        return unroll(Params(weights, moments), observation, memory, transitions.done)[:2]

    def value_of(observation: Array, memory: PyTree) -> Array:
        return jax.lax.stop_gradient(step(Params(weights, moments), observation, memory)[1])

    logits, value, memories = unroll(Params(weights, moments), transitions.observation, memory, transitions.done)
    frozen, memories = jax.lax.stop_gradient((value, memories))
    targets = returns.lambda_returns(
        transitions.reward,
        transitions.discount * spec.algo.discount,
        transitions.done,
        frozen,
        bootstrap.next_values(value_of, frozen, transitions, last_observation, memories),
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
        env = envs.previous.show(env, config.remember) if config.remember else env
        shape = (env.observation_size,) if config.remember else env.observation_shape
        network = networks.make(config, shape, distribution.size, distribution.constant)
    else:
        network = own_network.make(config, env.observation_shape, distribution.size)
    return env, make(spec, env, network)
