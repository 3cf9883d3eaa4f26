"""The first kernel: a whole unroll."""

import functools

import jax
import jax.numpy as jnp

from jaxac.agent import rollout
from jaxac.agent.fused import columns, grid, steps, tiles
from jaxac.agent.fused.grid import row, tile, whole
from jaxac.agent.fused.steps import Steps
from jaxac.agent.fused.tiles import Tiled
from jaxac.envs import Env
from jaxac.spec import Spec
from jaxac.types import ActorState, Array, Draws, Episodes, Params, PyTree, Transition


def unroll(spec: Spec, env: Env, params: Params, actor: ActorState) -> tuple[ActorState, Transition, Episodes]:
    """:func:`jaxac.agent.rollout.unroll` in one kernel: ``T`` steps of every environment.

    Returns:
        The environments after the unroll, transitions ``[T, B]``, and sums over the episodes that ended.

    Raises:
        ConfigError: if the environment cannot be fused.
    """
    tiled, length, num_envs = tiles.make(spec, env), spec.algo.unroll_length, actor.episode_return.shape[0]
    actor, draws = rollout.draw(spec, env, tiled.agent.distribution, actor)
    acting = _of_kernel(actor)
    after, taken, episodes = grid.call(
        functools.partial(_kernel, tiled, length),
        num_envs,
        [(whole, (spec, tiles.pad_params(params, tiled))), (tile, acting), (tile, (draws.noise, draws.start[0]))],
        [(tile, acting), (tile, Steps(*steps.shapes(env, length, num_envs))), (row, grid.zeros(Episodes))],
    )
    observation = jnp.stack(columns.columns_of(after[0], env), axis=-1)
    actor = ActorState(actor.key, after[0], observation, *after[1:])
    return actor, steps.to_transition(taken), jax.tree.map(jnp.sum, episodes)


def _kernel(tiled: Tiled, length: int, inputs: PyTree, after: PyTree, taken: Steps, ended: Episodes) -> None:
    """The kernel: takes a tile of environments through all steps."""
    shared, acting, (uniform, fresh) = inputs
    (spec, params), (env_state, *running) = grid.read((shared, acting))
    actor = ActorState(None, env_state, tiled.observe(env_state), *running)  # type: ignore[arg-type]

    def step(t: Array, carry: tuple[ActorState, Episodes]) -> tuple[ActorState, Episodes]:
        actor, totals = carry
        number, first = grid.read((uniform, fresh), t)
        drawn = Draws(number, None, (first, tiled.observe(first)))
        actor, (transition, episodes) = rollout.step(spec, tiled.env, tiled.agent, params, actor, drawn)
        steps.write(taken, t, transition)
        return actor, jax.tree.map(jnp.add, totals, episodes)

    actor, totals = jax.lax.fori_loop(0, length, step, (actor, grid.zeros(Episodes)))
    grid.write(after, _of_kernel(actor))
    grid.write(ended, totals)


def _of_kernel(actor: ActorState) -> tuple[PyTree, ...]:
    """The actor's fields that a kernel reads and writes: all but the key and the observation, which the state holds."""
    return actor.env_state, *actor[ActorState._fields.index("observation") + 1 :]
