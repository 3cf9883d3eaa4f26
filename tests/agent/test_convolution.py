"""Convolutions against loops, and each of the two ways to compute them against the other."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxac import spec as spec_module
from jaxac.agent import actor_critic, convolution, rollout
from jaxac.errors import ConfigError

SIZES = [((5, 5, 1), 3, 2, 1), ((10, 10, 4), 3, 5, 1), ((9, 7, 2), 3, 3, 2), ((8, 8, 3), 4, 2, 3), ((4, 4, 1), 4, 1, 1)]
WAYS = [convolution.as_product, convolution.by_xla]


def drawn(shape, size, filters, number=6):
    """Images [C, H, W, N] and a kernel [h, w, C, F]."""
    rng = np.random.default_rng(0)
    height, width, channels = shape
    images = rng.normal(size=(channels, height, width, number)).astype(np.float32)
    return images, rng.normal(size=(size, size, channels, filters)).astype(np.float32)


def by_loops(images, kernel, stride):
    _, height, width, number = images.shape
    size, filters = kernel.shape[0], kernel.shape[-1]
    rows, columns = len(range(0, height - size + 1, stride)), len(range(0, width - size + 1, stride))
    out = np.zeros((filters, rows, columns, number))
    for f, r, c, n in itertools.product(range(filters), range(rows), range(columns), range(number)):
        seen = images[:, r * stride : r * stride + size, c * stride : c * stride + size, n]
        out[f, r, c, n] = sum(
            seen[k, i, j] * kernel[i, j, k, f] for k in range(len(seen)) for i in range(size) for j in range(size)
        )
    return out


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("shape, size, filters, stride", SIZES)
def test_a_convolution_is_its_definition(way, shape, size, filters, stride):
    images, kernel = drawn(shape, size, filters)
    np.testing.assert_allclose(way(images, kernel, stride), by_loops(images, kernel, stride), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape, size, filters, stride", SIZES)
def test_both_ways_have_the_same_gradients(shape, size, filters, stride):
    images, kernel = drawn(shape, size, filters)

    def loss(way, images, kernel):
        return jnp.sum(jnp.sin(way(images, kernel, stride)))

    product, xla = (jax.grad(loss, (1, 2))(way, images, kernel) for way in WAYS)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), product, xla)


PICTURE = ("env.name=tests.probe_envs:Picture", "network=conv", "network.kernel_sizes=[2]", "network.filters=[3]")


def test_a_network_sees_the_same_image_whatever_computes_it(small_spec, monkeypatch):
    _, agent = actor_critic.build(small_spec(*PICTURE, "network.hidden_sizes=[8]"))
    params, images = agent.init(jax.random.key(0)), jnp.arange(2 * 3 * 12, dtype=jnp.float32).reshape(2, 3, 12)
    ours = agent.apply(params, images)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4), agent.apply(params, images), ours)
    assert (ours[0].shape, ours[1].shape) == ((2, 3, 2), (2, 3))


def test_images_of_bytes_are_kept_as_bytes_and_seen_between_0_and_1(small_spec):
    spec = small_spec(*PICTURE, "algo.normalize_observations=false")
    env, agent = actor_critic.build(spec)
    actor, params = rollout.init(spec, env, jax.random.key(0), 8), agent.init(jax.random.key(1))
    assert actor.observation.dtype == jnp.uint8
    _, transitions, _ = rollout.unroll(spec, env, agent, params, actor)
    assert transitions.observation.dtype == transitions.final_observation.dtype == jnp.uint8
    assert set(np.unique(transitions.observation)) == {0, 255}
    seen = agent.apply(params, transitions.observation / jnp.float32(255))
    jax.tree.map(np.testing.assert_array_equal, agent.apply(params, transitions.observation), seen)


@pytest.mark.parametrize("name, observes", [("tests.probe_envs:Endless", r"\[1\]"), ("Catch", r"\[10,5\]")])
def test_what_is_no_image_is_refused(small_config, name, observes):
    with pytest.raises(ConfigError, match=f"network=conv looks at images .* observes {observes}; choose"):
        actor_critic.build(spec_module.make(small_config(f"env.name={name}", "network=conv")))


@pytest.mark.parametrize(
    "wrong, said",
    [
        ("network.strides=[1,1]", r"network.strides=\[1,1\] is for 2 convolutions, and network.filters=\[16\] makes 1"),
        ("network.kernel_sizes=[11]", r"network.kernel_sizes=\[11\] .* leaves nothing of an image of 10 × 10"),
        ("network.filters=[]", "network.filters="),
        ("algo.kernel=fused", "network=conv has convolutions, and algo.kernel=fused"),
    ],
)
def test_convolutions_that_cannot_be_are_refused(small_config, wrong, said):
    with pytest.raises(ConfigError, match=said):
        small_config("env.name=Breakout", "network=conv", "algo.normalize_rewards=false", wrong)
