"""The time of single operations: of training's stages, one by one, and of plain matrix products."""

import statistics
import time
from collections.abc import Callable
from typing import Any

from jaxac.config.compose import make_config


def matmul_rate(rows: int = 4096) -> float:
    """Floating point operations per second of [rows, 64] · [64, 64] products on all devices at once."""
    import jax
    import jax.numpy as jnp

    from jaxac.devices import placement

    devices, many = jax.local_device_count(), 200
    x, w = jnp.ones((devices, rows, 64)), jnp.eye(64)

    def chain(x: Any) -> Any:
        return jax.lax.fori_loop(0, many, lambda _, y: y @ w, x)

    spread = jax.jit(placement.over(devices, devices).map(chain, (0,)))
    return many * devices * 2 * rows * 64 * 64 / median_seconds(lambda: jax.block_until_ready(spread(x)))


def stages(*setting: str, num_envs: int = 64, unroll: int = 16) -> dict[str, float]:
    """Nanoseconds of one device per environment step, of each stage by itself on a block of environments.

    Args:
        setting: the command line, without the sizes of the block.
        num_envs: environments of the block.
        unroll: steps of the block.
    """
    import jax

    from jaxac import envs
    from jaxac import spec as spec_module
    from jaxac.agent import actor_critic, returns, rollout
    from jaxac.algos import optimizers, server, shard
    from jaxac.devices import threefry

    spec = spec_module.make(make_config(*setting, f"env.num_envs={num_envs}", f"algo.unroll_length={unroll}"))
    env, agent = actor_critic.build(spec)
    actor = jax.jit(lambda key: shard.init(spec, key, num_envs))(jax.random.key(0))
    params = jax.jit(agent.init)(jax.random.key(1))
    owner = server.init(spec, params)
    _, transitions, _ = jax.jit(lambda: rollout.unroll(spec, env, agent, params, actor))()
    gradient, _, _ = jax.jit(lambda: shard.block_gradient(spec, params, actor))()
    env_params, action = env.params(spec.env.params), agent.distribution.bounded(transitions.action[0])

    def act(observations: Any) -> Any:
        return jax.lax.map(lambda each: agent.step(params, each, ())[0], observations)

    def draw(scale: Any) -> Any:
        _, draws = rollout.draw(spec, env, agent.distribution, actor)
        return draws.noise * scale, draws.start

    def step(state: Any) -> Any:
        def body(state: Any, key: Any) -> Any:
            stepped, timestep = env.step(key, state, action, env_params)
            done = timestep.terminated | timestep.truncated
            return envs.restart(env, done, state, stepped, env_params), None

        return jax.lax.scan(body, state, jax.random.split(threefry.key(2), unroll))[0]

    def targets(t: Any) -> Any:
        return returns.lambda_returns(t.reward, t.discount, t.done, t.reward, t.reward, 0.95)

    def differentiate(weights: Any) -> Any:
        return jax.grad(agent.loss, has_aux=True)(weights, params.moments, transitions, actor.observation)[0]

    def optimize(owner: Any) -> Any:
        one = jax.tree.map(lambda x: x[None], gradient)
        return server.step(spec, owner, one, optimizers.learning_rate(spec, owner.arrivals))[0]

    calls: dict[str, tuple[Callable[[Any], Any], Any]] = {
        "draw": (draw, jax.numpy.ones(())),
        "act": (act, transitions.observation),
        "environment": (step, actor.env_state),
        "returns": (targets, transitions),
        "gradient": (differentiate, params.network),
        "optimizer": (optimize, owner),
        "all but the optimizer": (lambda actor: shard.block_gradient(spec, params, actor), actor),
    }
    steps = num_envs * unroll
    return {name: 1e9 * _repeated(function, argument) / steps for name, (function, argument) in calls.items()}


def _repeated(function: Callable[[Any], Any], argument: Any) -> float:
    """Median seconds of a call, dispatch taken out by calling it often in one program."""
    import jax
    import jax.numpy as jnp

    many = 50
    # With the batch axis of one that training has: XLA has faster matrix products for those.
    function, argument = jax.vmap(function), jax.tree.map(lambda x: x[None], argument)

    def is_float(x: Any) -> bool:
        return jnp.issubdtype(x.dtype, jnp.floating)

    def loop(argument: Any) -> Any:
        def body(_: Any, carry: Any) -> Any:
            # What is put in depends on what came out, so that no call can be left out.
            argument, seen = carry
            seen = seen + 1e-30 * sum(jnp.sum(x) for x in jax.tree.leaves(function(argument)) if is_float(x))
            return jax.tree.map(lambda x: x + (0 * seen).astype(x.dtype) if is_float(x) else x, argument), seen

        return jax.lax.fori_loop(0, many, body, (argument, jnp.zeros(())))[1]

    compiled = jax.jit(loop).lower(argument).compile()
    return median_seconds(lambda: jax.block_until_ready(compiled(argument))) / many


def median_seconds(call: Callable[[], Any], repeats: int = 7) -> float:
    """Of a call, after a first one."""
    call()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)
