"""The fused path: a whole unroll is one kernel, its gradient another (Pallas; Triton compiles them for NVIDIA GPUs).

XLA makes of one step of a small network in a simple environment some thirty kernels, each of which a GPU takes longer
to start than to run. Here every program of the grid takes a tile of environments through all ``T`` steps and keeps
weights and environments in registers. *What* is computed stays where it is for the XLA path: the kernels trace
:func:`jaxac.agent.rollout.step`, :mod:`jaxac.agent.objective` and :mod:`jaxac.agent.returns` as they are. So the same
random numbers, drawn by the same code beforehand, make the same actions.

Two things differ. Arrays are padded, since Triton wants powers of two, and matrix products at least 16 wide: a padded
unit is always 0 (every activation maps 0 to 0), a padded action has no probability. And the observation must consist
of fields of the environment's state (``[x, x_dot, theta, theta_dot]``), because a kernel cannot stack numbers into
rows; :func:`jaxac.agent.fused.tiles.observed_fields` finds out by trying.
"""

import functools
import math

import jax
import jax.numpy as jnp

from jaxac.agent import bootstrap, objective, returns, rollout
from jaxac.agent.fused import grid, steps, tiles
from jaxac.agent.fused.grid import row, tile, whole
from jaxac.agent.fused.steps import Steps
from jaxac.agent.objective import Losses, Terms
from jaxac.config.parts import NetworkConfig
from jaxac.envs import Env
from jaxac.errors import ConfigError
from jaxac.spec import Spec
from jaxac.types import ActorState, Array, Draws, Episodes, Params, PyTree, Transition

_MOST_WEIGHTS = 2**14
"""Padded; they stay on the chip, in two orders."""


def check(spec: Spec, env: Env) -> None:
    """Whether the kernels can work.

    Raises:
        ConfigError: if not.
    """
    tiles.observed_fields(env)
    if jax.default_backend() not in ("cpu", "gpu"):
        raise ConfigError(f"algo.kernel=fused does not work on a {jax.default_backend()}; choose algo.kernel=xla.")
    assert isinstance(spec.network, NetworkConfig), "validation.resolve() refuses others"
    number = sum(math.prod(x.shape) for x in jax.tree.leaves(tiles.make(spec, env).weights))
    if number > _MOST_WEIGHTS:
        raise ConfigError(
            f"network.hidden_sizes={list(spec.network.hidden_sizes)} makes {number} weights, of which "
            f"algo.kernel=fused keeps {_MOST_WEIGHTS} on the chip; make it smaller, or choose algo.kernel=xla."
        )


def unroll(spec: Spec, env: Env, params: Params, actor: ActorState) -> tuple[ActorState, Transition, Episodes]:
    """As :func:`jaxac.agent.rollout.unroll`, in one kernel.

    Raises:
        ConfigError: if the environment cannot be fused.
    """
    tiled, length, num_envs = tiles.make(spec, env), spec.algo.unroll_length, actor.episode_return.shape[0]
    actor, draws = rollout.draw(spec, env, actor)

    def kernel(inputs: PyTree, after: PyTree, taken: Steps, ended: Episodes) -> None:
        (spec, params), acting, (uniform, fresh) = inputs
        spec, params, (env_state, *running) = grid.read((spec, params, acting))
        actor = ActorState(None, env_state, tiled.observe(env_state), *running)  # type: ignore[arg-type]

        def step(t: Array, carry: tuple[ActorState, Episodes]) -> tuple[ActorState, Episodes]:
            actor, totals = carry
            number, first = grid.read((uniform, fresh), t)
            drawn = Draws(number, None, (first, tiled.observe(first)))
            actor, (transition, episodes) = rollout.step(spec, tiled.env, tiled.agent, params, actor, drawn)
            steps.write(taken, t, transition)
            return actor, jax.tree.map(jnp.add, totals, episodes)

        actor, totals = jax.lax.fori_loop(0, length, step, (actor, _zeros(Episodes)))
        grid.write(after, (actor.env_state, actor.episode_return, actor.episode_length))
        grid.write(ended, totals)

    acting = (actor.env_state, actor.episode_return, actor.episode_length)
    after, taken, episodes = grid.call(
        kernel,
        num_envs,
        [(whole, (spec, tiles.pad_params(params, tiled))), (tile, acting), (tile, (draws.uniform, draws.fresh[0]))],
        [(tile, acting), (tile, Steps(*steps.shapes(env, length, num_envs))), (row, _zeros(Episodes))],
    )
    observation = jnp.stack(tiles.columns_of(after[0], env), axis=-1)
    actor = ActorState(actor.key, after[0], observation, *after[1:])
    return actor, steps.to_transition(taken), jax.tree.map(jnp.sum, episodes)


def gradient(
    spec: Spec, env: Env, params: Params, transitions: Transition, last_observation: Array
) -> tuple[PyTree, Losses]:
    """The gradient of the agent's ``loss`` with respect to the weights, and its terms, in one kernel.

    It goes from the last step to the first, so that the λ-recursion runs along: a step's forward and backward pass, its
    gradient added up; nothing of the forward pass is stored.
    """
    tiled, (length, num_envs) = tiles.make(spec, env), transitions.reward.shape

    def kernel(inputs: PyTree, learned: PyTree, advantages: Array, values: Array) -> None:
        shared, last, taken = inputs
        spec, params = grid.read(shared)

        def value_of(observation: Array) -> Array:
            return tiled.agent.apply(params, observation)[1]

        def learn(index: Array, carry: PyTree) -> PyTree:
            t, (advantage, next_value, totals) = length - 1 - index, carry
            step = steps.read(taken, t, tiled.width)
            truncated = bootstrap.was_truncated(step)
            final_value = jax.lax.cond(  # truncations are rare
                jnp.sum(truncated) > 0, lambda: value_of(step.final_observation), lambda: jnp.zeros_like(next_value)
            )

            def loss(weights: PyTree) -> tuple[Array, tuple[Terms, Array, Array]]:
                logits, value = tiled.agent.apply(Params(weights, params.moments), step.observation)
                frozen, following = jax.lax.stop_gradient(value), jnp.where(truncated, final_value, next_value)
                targets = _targets(spec, step, frozen, following, advantage)
                total, terms = objective.objective(spec, logits, value, targets, step)
                return total, (terms, targets.advantage, frozen)

            grads, (terms, advantage, value) = tiles.simplified(jax.grad(loss, has_aux=True))(params.network)
            advantages[t], values[t] = advantage, value
            return advantage, value, jax.tree.map(jnp.add, totals, (grads, terms))

        value = value_of(tiles.pack(grid.read(last), tiled.width))
        nothing = jax.tree.map(jnp.zeros_like, params.network), _zeros(Terms)
        _, _, totals = jax.lax.fori_loop(0, length, learn, (jnp.zeros_like(value), value, nothing))
        grid.write(learned, jax.tree.map(lambda x: x / length, totals))

    padded = tiles.pad_params(params, tiled)
    (grads, terms), advantage, value = grid.call(
        kernel,
        num_envs,
        [
            (whole, (spec, padded)),
            (tile, list(steps.planes(last_observation))),
            (tile, steps.of_transition(transitions)),
        ],
        [(row, (padded.network, _zeros(Terms))), (tile, transitions.reward), (tile, transitions.reward)],
    )
    grads, terms = jax.tree.map(functools.partial(jnp.mean, axis=0), (grads, terms))
    grads = jax.tree.map(lambda x, like: x[tuple(map(slice, like.shape))], grads, params.network)
    return grads, objective.explain(terms, value, returns.Targets(advantage, advantage + value), transitions.weight)


def _targets(spec: Spec, step: Transition, value: Array, next_value: Array, advantage: Array) -> returns.Targets:
    """One step of the λ-recursion, ``[B]``: from ``A_{t+1}`` to ``A_t`` and ``R_t``."""
    discount = step.discount * spec.algo.discount
    delta, decay = returns.errors(step.reward, discount, step.done, value, next_value, objective.trace_decay(spec))
    advantage = returns.accumulate(advantage, delta, decay)
    return returns.Targets(advantage, advantage + value)


def _zeros(fields: type[Episodes | Terms]) -> PyTree:
    """All of them scalars 0."""
    return fields(*(jnp.float32(0) for _ in fields._fields))
