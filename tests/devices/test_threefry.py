import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxac.devices import threefry

BOTH = [jax.random.key(3), threefry.key(3)]


@pytest.mark.parametrize(
    "draw",
    [
        lambda key: jax.random.bits(key, (100, 3)),
        lambda key: jax.random.bits(key, (7,), "uint8"),
        lambda key: jax.random.bits(key, (7,), "uint16"),
        lambda key: jax.random.uniform(key, (50,)),
        lambda key: jax.random.normal(key, (50,)),
        lambda key: jax.random.permutation(key, 50),
        lambda key: jax.random.randint(key, (50,), -3, 12),
        lambda key: jax.random.key_data(jax.random.split(key, (5, 2))),
        lambda key: jax.random.key_data(jax.random.fold_in(key, 5)),
        lambda key: jax.random.uniform(jax.random.fold_in(jax.random.split(key)[1], 2**31 + 7), ()),
        lambda key: jax.random.uniform(key, (0, 3)),
    ],
)
def test_it_is_jaxs_own_threefry(draw):
    expected, found = map(draw, BOTH)
    np.testing.assert_array_equal(expected, found)


@pytest.mark.parametrize("seed", [0, 1, 2**31, 2**32 - 1])
def test_seeds(seed):
    np.testing.assert_array_equal(jax.random.key_data(jax.random.key(seed)), jax.random.key_data(threefry.key(seed)))


def test_under_vmap():
    def draw(key):
        return jax.random.uniform(key, (4,))

    expected, found = (jax.vmap(draw)(jax.random.split(key, 6)) for key in BOTH)
    np.testing.assert_array_equal(expected, found)


def test_keys_come_back_from_their_bits():
    keys = jax.random.split(threefry.key(1), 3)
    assert bool(jnp.all(threefry.wrap(jax.random.key_data(keys)) == keys))


@pytest.mark.skipif(jax.__version_info__ >= (0, 11), reason="from JAX 0.11 on, JAX's own is used")
def test_a_draw_has_no_loop_inside():
    """JAX's own rolls its rounds into one, which XLA does not fuse with what is made of the numbers."""
    theirs, ours = (jax.jit(lambda key: jax.random.bits(key, (64,))).lower(key).compile().as_text() for key in BOTH)
    assert "while(" in theirs
    assert "while(" not in ours
