"""The fused kernels against XLA's path, in JAX's interpreter: it runs on a CPU what Triton would compile for a GPU."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.common import learn_lanes
from jaxac import envs
from jaxac import spec as spec_module
from jaxac.agent import actor_critic
from jaxac.agent.fused import columns, grid
from jaxac.algos import ALGOS, shard
from jaxac.config.compose import make_config
from jaxac.errors import ConfigError
from jaxac.programs import program
from jaxac.types import ActorState, Params
from tests.updates import advance

RAW = ("algo.normalize_rewards=false",)
SETTINGS = {
    "default": (),
    "separate": ("network=separate", "network.hidden_sizes=[64,64]", "network.activation=tanh"),
    "odd sizes": ("network.hidden_sizes=[20,33]", "network.activation=silu", "algo.normalize_observations=false"),
    "truncations": ("++env.params.max_steps_in_episode=5", "algo.gae_lambda=0.8", "env.stagger_starts=false"),
    "n-step": ("algo.returns=n_step", "algo.entropy_coef=0.1", "algo.value_coef=1.0", "env.reward_clip=0.5"),
    "three actions": ("env.name=MountainCar-v0", "++env.params.max_steps_in_episode=20", *RAW),
}

AT_ONCE = ("separate", "truncations", "three actions")
EACH = [name if name in AT_ONCE else pytest.param(name, marks=pytest.mark.slow) for name in SETTINGS]


class Halves(NamedTuple):
    """Both kernels of one setting, and what they are given: parameters, 96 environments (three programs of 32)."""

    fused: shard.Kernels
    xla: shard.Kernels
    params: Params
    actor: ActorState


@functools.cache
def halves(name):
    """Of the setting of this name."""
    sizes = ("+algo=a2c", "env.num_envs=96", "algo.unroll_length=16", "network.hidden_sizes=[8]")
    fused, xla = (
        spec_module.make(make_config(*sizes, f"algo.kernel={kernel}", *SETTINGS[name])) for kernel in ("fused", "xla")
    )
    env, agent = actor_critic.build(xla)
    params = agent.init(jax.random.key(1))
    scale = jnp.linspace(0.02, 1.0, env.observation_size)
    weights = jax.tree.map(lambda x: x + 0.05, params.network)  # a policy that prefers something
    params = params._replace(network=weights, moments=params.moments._replace(variance=scale))
    return Halves(shard.kernels(fused), shard.kernels(xla), params, shard.init(xla, jax.random.key(0), 96))


@functools.cache
def unrolled(name, kernel):
    """The actor afterwards, its transitions and episodes."""
    made = halves(name)
    return jax.jit(getattr(made, kernel).unroll)(made.params, made.actor)


@pytest.mark.parametrize("name", EACH)
def test_the_same_random_bits_make_the_same_actions(name):
    (actor_f, taken_f, episodes_f), (actor_x, taken_x, episodes_x) = (unrolled(name, each) for each in ("fused", "xla"))
    for field in ("action", "done", "discount", "reward", "weight"):
        np.testing.assert_array_equal(getattr(taken_f, field), getattr(taken_x, field), err_msg=field)
    assert len(np.unique(taken_x.action)) > 1
    np.testing.assert_array_equal(*(jax.random.key_data(actor.key) for actor in (actor_f, actor_x)))
    close = functools.partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-6)
    jax.tree.map(close, (actor_f._replace(key=0), taken_f), (actor_x._replace(key=0), taken_x))
    jax.tree.map(np.testing.assert_array_equal, episodes_f, episodes_x)


@pytest.mark.parametrize("name", EACH)
def test_the_gradient_is_the_losses(name):
    made, (actor, taken, _) = halves(name), unrolled(name, "xla")
    (grads_f, losses_f), (grads_x, losses_x) = (
        jax.jit(each.differentiate)(*made.params, taken, actor.observation) for each in (made.fused, made.xla)
    )
    largest = max(float(jnp.abs(x).max()) for x in jax.tree.leaves(grads_x))
    close = functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-6 * largest)
    jax.tree.map(close, grads_f, grads_x)
    jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-6), losses_f, losses_x)


@pytest.mark.parametrize(
    "overrides",
    [
        ("+algo=a2c",),
        pytest.param(("+algo=a2c", "algo.num_shards=2"), marks=pytest.mark.slow),
        pytest.param(("+algo=a3c", "algo.num_shards=2", "algo.time_reduction=sum"), marks=pytest.mark.slow),
    ],
    ids=["A2C", "A2C of two shards", "A3C"],
)
def test_ten_updates_end_at_the_same_parameters(small_spec, overrides):
    def trained(kernel):
        spec = small_spec(*overrides, "env.num_envs=64", "total_env_steps=2560", f"algo.kernel={kernel}")
        algo = ALGOS[spec.algo.name]
        state, reports = advance(algo, spec, 10)
        mean = jax.tree.map(lambda *values: np.mean(values), *(report.metrics for report in reports))
        return algo.params(state).network, mean

    # In one block: XLA's path cuts a CPU's environments into blocks of their own keys where the kernels do not.
    assert 64 * 4 <= 1024
    jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=2e-3, atol=2e-5), trained("fused"), trained("xla"))


SEEDS = 8
SPREAD = 15.0
"""The standard deviation, over 40 seeds, of a seed's mean return over all evaluations."""


@pytest.mark.learns
def test_it_learns_the_same():
    """Roundings in another order part a seed's ways in the end; many seeds know nothing of them.

    The means of two groups of seeds of one distribution differ by four of their standard errors once in 16 000 times.
    """

    def curves(kernel):
        sizes = ("env.num_envs=64", "total_env_steps=400_000", "evaluation.every=50_000", "evaluation.episodes=64")
        seeds = [make_config("+algo=a2c", *sizes, f"algo.kernel={kernel}", f"seed={seed}") for seed in range(SEEDS)]
        return np.array(learn_lanes(seeds)["returns"])

    fused, xla = curves("fused"), curves("xla")
    for returns in (fused, xla):
        assert returns[:, 0].max() < 300
        assert returns[:, -1].mean() > 475 and returns[:, -1].min() > 450  # of 40 seeds: 496.5, and 480.6 the lowest
    assert fused.mean() == pytest.approx(xla.mean(), abs=4 * SPREAD * np.sqrt(2 / SEEDS))


@pytest.mark.filterwarnings("ignore:The Pallas Triton backend is deprecated")
def test_both_kernels_are_translated_for_a_gpu(monkeypatch):
    """As far as that goes without one: Pallas writes them in Triton's language, which XLA compiles on the spot."""
    monkeypatch.setattr(grid, "_interpreted", lambda: False)
    fused, _, params, actor = halves("separate")

    def update(params, actor):
        actor, taken, episodes = fused.unroll(params, actor)
        return fused.differentiate(*params, taken, actor.observation), episodes

    device = jax.sharding.AbstractDevice("NVIDIA H100 80GB HBM3", 132, "gpu")
    with jax.sharding.use_abstract_mesh(jax.sharding.AbstractMesh((), (), abstract_device=device)):
        text = jax.jit(update).trace(params, actor).lower(lowering_platforms=("cuda",)).as_text()
    assert text.count("custom_call @__gpu$xla.gpu.triton") == 2


@pytest.mark.parametrize(
    "name, fields",
    [("CartPole-v1", ("x", "x_dot", "theta", "theta_dot")), ("MountainCar-v0", ("position", "velocity"))],
)
def test_observations_are_found_in_the_state(name, fields):
    env = envs.make(name)
    state, _ = env.reset(jax.random.key(0), env.params({}), 1)
    names = [str(path[0]).lstrip(".") for path, _ in jax.tree_util.tree_flatten_with_path(state)[0]]
    assert tuple(names[field] for field in columns.observed_fields(env)) == fields


@pytest.mark.parametrize(
    "overrides, sentence",
    [
        (("env.name=Acrobot-v1", *RAW), "steps draw random numbers"),
        (("env.name=Pong-misc", *RAW), "state has arrays"),
        (("env.name=tests.probe_envs:Endless", *RAW), "observation is not a part of its state"),
        (("env.name=tests.probe_envs:EndlessByNeed", *RAW), "episodes start by need"),
        (("network.hidden_sizes=[128,128]",), r"network.hidden_sizes=\[128, 128\] makes .* weights"),
    ],
)
def test_what_cannot_be_fused_is_one_sentence(small_config, overrides, sentence):
    config = small_config("env.num_envs=16", "algo.kernel=fused", *overrides)
    with pytest.raises(ConfigError, match=sentence):
        program.compile_program(config, spec_module.make(config))


@pytest.mark.parametrize(
    "overrides, sentence",
    [
        (("env.num_envs=24",), "give a multiple of 16"),
        (("env.num_envs=32", "algo.num_shards=4"), "give a multiple of 64"),
        (("algo.normalize_advantage=true",), "algo.normalize_advantage=false"),
        (("algo.returns=monte_carlo", "algo.unroll_length=500"), "choose algo.returns=gae"),
        (("algo.kernel=cuda",), "algo.kernel=cuda is not valid"),
    ],
)
def test_settings_that_do_not_go_together(small_config, overrides, sentence):
    with pytest.raises(ConfigError, match=sentence):
        small_config("env.num_envs=64", "algo.kernel=fused", *overrides)
