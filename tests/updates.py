"""A few updates of an algorithm, and trees of arrays side by side."""

import functools
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np

from jaxac import spec as spec_module
from jaxac.algos import ALGOS
from jaxac.config.compose import make_config
from jaxac.programs.chunk import run_chunk


def start(algo, spec):
    """Its first state. With JAX's own kind of key: the same numbers as ``threefry``'s, and less to compile."""
    return jax.jit(algo.init)(spec, jax.random.key(3))


def advance(algo, spec, updates):
    """The state after so many updates, and all reports."""
    state, update, reports = start(algo, spec), jax.jit(algo.update), []
    for _ in range(updates):
        state, report = update(spec, state)
        reports.append(report)
    return state, reports


def learned(*overrides):
    """The program of a whole run of A2C, and the parameters that it ends with."""
    config = make_config(*overrides)
    spec, algo = spec_module.make(config), ALGOS["a2c"]
    state = algo.init(spec, jax.random.key(0))
    state, _ = jax.jit(functools.partial(run_chunk, algo))(spec, state, config.num_updates)
    return spec, algo.params(state)


def anew(algo):
    """The algorithm for JAX to trace anew, where what it traces has been patched."""
    return SimpleNamespace(
        init=lambda spec, key: algo.init(spec, key), update=lambda spec, state: algo.update(spec, state)
    )


def plain(x):
    """A numpy array; a key's bits."""
    return np.asarray(jax.random.key_data(x) if jnp.issubdtype(x.dtype, jax.dtypes.prng_key) else x)


def flat(tree):
    """Every number of the tree, in one array."""
    return np.concatenate([plain(x).astype(np.float64).ravel() for x in jax.tree.leaves(tree)])


def assert_same_but_for_rounding(tree, other, rtol=1e-4, atol=1e-6):
    """As two programs for the same mathematics leave it: floats are close, and everything else is equal.

    Another processor may round otherwise. That decides an action only where a random number lies between two roundings
    of a probability, some 1e-7 apart: once in thousands of such comparisons.
    """
    for x, y in zip(jax.tree.leaves(tree), jax.tree.leaves(other), strict=True):
        if np.issubdtype(plain(x).dtype, np.floating):
            np.testing.assert_allclose(plain(x).ravel(), plain(y).ravel(), rtol=rtol, atol=atol)
        else:
            np.testing.assert_array_equal(plain(x).ravel(), plain(y).ravel())
