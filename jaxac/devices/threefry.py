"""A corner: Threefry-2x32 with its rounds written out; the same bits as JAX's, faster on a CPU.

Why: JAX rolls the twenty rounds into a loop when it compiles for a CPU, which keeps XLA from fusing them; written out,
a draw is one loop over the numbers drawn. What it gives: A2C trains 7 to 9% faster on 2 cores (``python -m
experiments.threefry``). Delete it when JAX below 0.11 is no longer supported, and let :func:`key` and :func:`wrap` be
those of ``jax.random``: from 0.11 on JAX's own is used in any case. The test that fails first is
``test_a_draw_has_no_loop_inside`` in ``tests/devices/test_threefry.py``.

Source: Salmon et al. 2011, "Parallel Random Numbers: As Easy as 1, 2, 3"; a number is the cipher of its position.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.random import define_prng_impl

from jaxac.types import Array, PRNGKey

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = np.uint32(0x1BD11BDA)


def key(seed: int) -> PRNGKey:
    """The key ``[]`` of a seed: it and all keys made of it draw the same bits as ``jax.random.key(seed)``.

    >>> jax.random.uniform(key(3)) == jax.random.uniform(jax.random.key(3))
    Array(True, dtype=bool)

    Args:
        seed: 0 … 2^32 − 1.
    """
    return jax.random.key(np.uint32(seed), impl=_chosen())


def wrap(data: Array) -> PRNGKey:
    """[...] the keys with the bits ``data [..., 2]``, uint32."""
    return jax.random.wrap_key_data(data, impl=_chosen())


def _chosen() -> Any:
    """The implementation of keys: JAX's own from 0.11 on, whose compiler never finishes the written-out rounds."""
    return _IMPL if jax.__version_info__ < (0, 11) else "threefry2x32"


def _encipher(key: Array, high: Array, low: Array) -> tuple[Array, Array]:
    """Threefry-2x32 with 20 rounds of the counters ``high [...]``, ``low [...]``, uint32, with a key ``[2]``."""
    schedule = (key[0], key[1], key[0] ^ key[1] ^ _PARITY)
    a, b = high + schedule[0], low + schedule[1]
    for group in range(5):
        for distance in _ROTATIONS[group % 2]:
            a = a + b
            b = (b << np.uint32(distance)) | (b >> np.uint32(32 - distance))
            b = a ^ b
        a = a + schedule[(group + 1) % 3]
        b = b + schedule[(group + 2) % 3] + np.uint32(group + 1)
    return a, b


def _of_positions(key: Array, shape: tuple[int, ...]) -> tuple[Array, Array]:
    """The two halves of the cipher of 0, 1, 2, …, each of the given shape."""
    if math.prod(shape) >= 2**32:
        raise ValueError(f"{shape} is more than 2^32 numbers of one key")
    low = jax.lax.iota(jnp.uint32, math.prod(shape)).reshape(shape)
    return _encipher(key, jnp.zeros_like(low), low)


def _seed(seed: Array) -> Array:
    return jnp.stack([jnp.zeros((), jnp.uint32), seed.astype(jnp.uint32)])


def _split(key: Array, shape: tuple[int, ...]) -> Array:
    return jnp.stack(_of_positions(key, shape), axis=-1)


def _random_bits(key: Array, bit_width: int, shape: tuple[int, ...]) -> Array:
    a, b = _of_positions(key, shape)
    if bit_width == 64:
        return (a.astype(jnp.uint64) << np.uint64(32)) | b.astype(jnp.uint64)
    return (a ^ b).astype(f"uint{bit_width}")


def _fold_in(key: Array, data: int) -> Array:
    return jnp.stack(_encipher(key, *_seed(jnp.asarray(data))))


_IMPL = define_prng_impl(
    key_shape=(2,),
    seed=_seed,
    split=_split,
    random_bits=_random_bits,
    fold_in=_fold_in,
    name="threefry_unrolled",
    tag="ur",
)
