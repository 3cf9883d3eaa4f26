"""The second kernel: the gradient of the loss over a whole unroll."""

import functools

import jax
import jax.numpy as jnp

from jaxac.agent import bootstrap, objective, returns
from jaxac.agent.fused import columns, grid, steps, tiles
from jaxac.agent.fused.grid import row, tile, whole
from jaxac.agent.fused.simplify import simplified
from jaxac.agent.fused.tiles import Tiled
from jaxac.agent.objective import Losses, Terms
from jaxac.envs import Env
from jaxac.spec import Spec
from jaxac.types import Array, Moments, Params, PyTree, Transition


def gradient(
    spec: Spec,
    env: Env,
    weights: PyTree,
    moments: Moments,
    transitions: Transition,
    last_observation: Array,
    memory: PyTree = (),
) -> tuple[PyTree, Losses]:
    """The gradient of the agent's ``loss`` with respect to the weights, and its terms ``[]``, in one kernel.

    There is no ``memory``: validation.resolve() refuses networks that have one.
    """
    del memory
    tiled = tiles.make(spec, env)
    padded = tiles.pad_params(Params(weights, moments), tiled)
    last, taken = list(steps.planes(last_observation)), steps.of_transition(transitions)
    (grads, terms), advantage, value = grid.call(
        functools.partial(_kernel, tiled),
        transitions.reward.shape[1],
        [(whole, (spec, padded)), (tile, last), (tile, taken)],
        [(row, (padded.network, grid.zeros(Terms))), (tile, transitions.reward), (tile, transitions.reward)],
    )
    grads, terms = jax.tree.map(functools.partial(jnp.mean, axis=0), (grads, terms))
    grads = jax.tree.map(lambda x, like: x[tuple(map(slice, like.shape))], grads, weights)
    return grads, objective.explain(terms, value, returns.Targets(advantage, advantage + value), transitions.weight)


def _kernel(tiled: Tiled, inputs: PyTree, learned: PyTree, advantages: Array, values: Array) -> None:
    """The kernel: takes a tile of environments from the last step to the first, in the order of the λ-recursion.

    Each step has its forward pass, its backward pass, and its gradient added up; no forward pass is stored.
    """
    shared, last, taken = inputs
    (spec, params), length = grid.read(shared), taken.reward.shape[0]

    def back(index: Array, carry: PyTree) -> PyTree:
        t, (advantage, next_value, totals) = length - 1 - index, carry
        step = steps.read(taken, t, tiled.width)
        advantage, value, found = _learn(tiled, spec, params, step, advantage, next_value)
        advantages[t], values[t] = advantage, value
        return advantage, value, jax.tree.map(jnp.add, totals, found)

    _, value, _ = tiled.agent.step(params, columns.pack(grid.read(last), tiled.width), ())
    nothing = jax.tree.map(jnp.zeros_like, params.network), grid.zeros(Terms)
    _, _, totals = jax.lax.fori_loop(0, length, back, (jnp.zeros_like(value), value, nothing))
    grid.write(learned, jax.tree.map(lambda x: x / length, totals))


def _learn(
    tiled: Tiled, spec: Spec, params: Params, step: Transition, advantage: Array, next_value: Array
) -> tuple[Array, Array, tuple[PyTree, Terms]]:
    """One step's ``A_t [B]`` and ``v_t [B]``, its gradient and terms, from ``A_{t+1} [B]`` and ``v_{t+1} [B]``."""
    truncated = bootstrap.was_truncated(step)
    final_value = jax.lax.cond(  # truncations are rare
        jnp.sum(truncated) > 0,
        lambda: tiled.agent.step(params, step.final_observation, ())[1],
        lambda: jnp.zeros_like(next_value),
    )

    def loss(weights: PyTree) -> tuple[Array, tuple[Terms, Array, Array]]:
        logits, value, _ = tiled.agent.step(Params(weights, params.moments), step.observation, ())
        frozen, following = jax.lax.stop_gradient(value), jnp.where(truncated, final_value, next_value)
        targets = _targets(spec, step, frozen, following, advantage)
        total, terms = objective.objective(spec, tiled.agent.distribution, logits, value, targets, step)
        return total, (terms, targets.advantage, frozen)

    grads, (terms, advantage, value) = simplified(jax.grad(loss, has_aux=True))(params.network)
    return advantage, value, (grads, terms)


def _targets(spec: Spec, step: Transition, value: Array, next_value: Array, advantage: Array) -> returns.Targets:
    """One step of the λ-recursion, ``[B]``: from ``A_{t+1}`` to ``A_t`` and ``R_t``."""
    discount = step.discount * spec.algo.discount
    delta, decay = returns.errors(step.reward, discount, step.done, value, next_value, objective.trace_decay(spec))
    advantage = returns.accumulate(advantage, delta, decay)
    return returns.Targets(advantage, advantage + value)
