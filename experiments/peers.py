"""The speed of others, one at a time, in an environment of their own; :mod:`experiments.throughput` calls it.

    python experiments/peers.py purejaxrl --env CartPole-v1 --num-envs 4096 --unroll 16 --network separate --updates 20

prints a line of JSON: environment steps per second of some repeats, and per second of a core, and the versions. Nothing
of jaxac is imported, so that the environment needs nothing of jaxac's. Each peer is set up as A2C: one epoch over one
minibatch. Observations are flat, and neither they nor rewards are normalized.
"""

import argparse
import json
import time
from collections.abc import Callable
from importlib import metadata
from typing import Any

REPEATS = 5
Rates = dict[str, list[float]]
"""``sps`` and ``cpu_sps`` of each repeat: environment steps per second, and per second of a core at work."""


def purejaxrl(env: str, num_envs: int, unroll: int, network: str, updates: int) -> Rates:
    """luchris429/purejaxrl, whose folder ``purejaxrl`` must be on ``PYTHONPATH``: ``make_train`` of its two PPOs."""
    import jax

    make_train = _continuous() if env == "Pendulum-v1" else _discrete(network)
    steps = num_envs * unroll * updates
    config = {
        "LR": 2.5e-4,
        "NUM_ENVS": num_envs,
        "NUM_STEPS": unroll,
        "TOTAL_TIMESTEPS": steps,
        "UPDATE_EPOCHS": 1,
        "NUM_MINIBATCHES": 1,
        "GAMMA": 0.99,
        "GAE_LAMBDA": 0.95,
        "CLIP_EPS": 0.2,
        "ENT_COEF": 0.01,
        "VF_COEF": 0.5,
        "MAX_GRAD_NORM": 0.5,
        "ACTIVATION": "tanh",
        "ENV_NAME": env,
        "ANNEAL_LR": True,
        "NORMALIZE_ENV": False,
    }

    def train(key: Any) -> Any:
        return make_train(config)(key)["runner_state"]  # without the metrics of every step, which nobody asked for

    compiled = jax.jit(train).lower(jax.random.PRNGKey(0)).compile()
    return _rates(lambda: jax.block_until_ready(compiled(jax.random.PRNGKey(0))), steps)


def _discrete(network: str) -> Callable[[dict[str, Any]], Callable[[Any], Any]]:
    """``make_train`` of ``ppo.py``, whose own network is two 64-64 perceptrons."""
    import ppo

    if network == "shared":
        ppo.ActorCritic = _shared_network()
    return ppo.make_train


def _continuous() -> Callable[[dict[str, Any]], Callable[[Any], Any]]:
    """``make_train`` of ``ppo_continuous_action.py``, with gymnax in place of Brax, and 64 units in place of 256."""
    import gymnax
    import ppo_continuous_action as ppo

    def make(name: str) -> Any:
        env, params = gymnax.make(name)
        space = env.observation_space(params)
        env.observation_space = lambda _: space  # it is asked without parameters, as Brax's may be
        return env

    ppo.BraxGymnaxWrapper = make
    ppo.ActorCritic = _gaussian_network()
    return ppo.make_train


def _gaussian_network() -> type:
    """Two 64-64 perceptrons, with PureJaxRL's interface."""
    import distrax
    import flax.linen as nn
    import jax.numpy as jnp

    class ActorCritic(nn.Module):
        action_dim: int
        activation: str = "tanh"

        @nn.compact
        def __call__(self, x: Any) -> Any:
            mean, value = (self.perceptron(x, size) for size in (self.action_dim, 1))
            log_std = self.param("log_std", nn.initializers.zeros, (self.action_dim,))
            return distrax.MultivariateNormalDiag(mean, jnp.exp(log_std)), jnp.squeeze(value, -1)

        def perceptron(self, x: Any, size: int) -> Any:
            for _ in range(2):
                x = nn.tanh(nn.Dense(64)(x))
            return nn.Dense(size)(x)

    return ActorCritic


def _shared_network() -> type:
    """One Dense(128, relu) under both heads, as the tutorial has it, with PureJaxRL's interface."""
    import distrax
    import flax.linen as nn
    import jax.numpy as jnp

    class ActorCritic(nn.Module):
        action_dim: int
        activation: str = "relu"

        @nn.compact
        def __call__(self, x: Any) -> Any:
            torso = nn.relu(nn.Dense(128)(x))
            return distrax.Categorical(logits=nn.Dense(self.action_dim)(torso)), jnp.squeeze(nn.Dense(1)(torso), -1)

    return ActorCritic


def rejax(env: str, num_envs: int, unroll: int, network: str, updates: int) -> Rates:
    """keraJLi/rejax's PPO; its network is two 64-64 perceptrons."""
    if network != "separate":
        raise SystemExit("rejax is measured with network=separate only")
    import jax
    from rejax import PPO

    steps = num_envs * unroll * updates
    algo = PPO.create(
        env=env,
        num_envs=num_envs,
        num_steps=unroll,
        num_epochs=1,
        num_minibatches=1,
        total_timesteps=steps,
        eval_freq=steps,
        skip_initial_evaluation=True,
        agent_kwargs={"activation": "tanh"},
    ).replace(eval_callback=lambda *_: ())  # else it ends with an evaluation
    compiled = jax.jit(lambda key: algo.train(key)[0]).lower(jax.random.PRNGKey(0)).compile()
    return _rates(lambda: jax.block_until_ready(compiled(jax.random.PRNGKey(0))), steps)


def sb3(env: str, num_envs: int, unroll: int, network: str, updates: int) -> Rates:
    """Stable-Baselines3's A2C on Gymnasium's environment; its network is two 64-64 perceptrons."""
    if network != "separate":
        raise SystemExit("SB3 is measured with network=separate only")
    from stable_baselines3 import A2C
    from stable_baselines3.common.env_util import make_vec_env

    model = A2C("MlpPolicy", make_vec_env(env, num_envs), n_steps=unroll, gae_lambda=0.95, device="cpu")
    steps = num_envs * unroll * min(updates, 2)
    model.learn(num_envs * unroll)
    return _rates(lambda: model.learn(steps), steps)


PEERS: dict[str, Callable[[str, int, int, str, int], Rates]] = {
    "purejaxrl": purejaxrl,
    "rejax": rejax,
    "sb3": sb3,
}


def _rates(call: Callable[[], Any], steps: int) -> Rates:
    call()
    rates: Rates = {"sps": [], "cpu_sps": []}
    for _ in range(REPEATS):
        start, cpu = time.perf_counter(), time.process_time()
        call()
        rates["sps"].append(steps / (time.perf_counter() - start))
        rates["cpu_sps"].append(steps / (time.process_time() - cpu))
    return rates


def _versions() -> dict[str, str]:
    names = ("jax", "flax", "gymnax", "distrax", "rejax", "stable-baselines3", "torch")
    installed = {dist.metadata["Name"].lower() for dist in metadata.distributions()}
    return {name: metadata.version(name) for name in names if name in installed}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("--env", default="CartPole-v1", help="by gymnax's name")
    parser.add_argument("--num-envs", type=int, default=4096)
    parser.add_argument("--unroll", type=int, default=16)
    parser.add_argument("--network", choices=("separate", "shared"), default="separate")
    parser.add_argument("--updates", type=int, default=20)
    args = parser.parse_args()
    rates = PEERS[args.peer](args.env, args.num_envs, args.unroll, args.network, args.updates)
    print(json.dumps({**rates, "versions": _versions()}))


if __name__ == "__main__":
    main()
