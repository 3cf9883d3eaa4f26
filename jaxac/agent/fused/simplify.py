"""A corner: functions rewritten operation by operation, so that Pallas can translate them for Triton.

Why: gymnax and JAX's gradients make copies (``jnp.array`` of an array) and do arithmetic on constants, which Pallas
cannot translate. What it gives: the kernels trace environments and the objective as they are for XLA, instead of
copies written for a kernel. Delete it when Pallas translates ``copy`` and scalar constants; the test that fails first
is ``test_both_kernels_are_translated_for_a_gpu`` in ``tests/agent/test_fused.py``.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, Literal

from jaxac.types import PyTree


def simplified(function: Callable[..., PyTree]) -> Callable[..., PyTree]:
    """The same function without copies of arrays and without arithmetic on constants."""

    def run(*args: PyTree) -> PyTree:
        closed, shape = jax.make_jaxpr(function, return_shape=True)(*args)
        return jax.tree.unflatten(jax.tree.structure(shape), _evaluate(closed, jax.tree.leaves(args)))

    return run


def _evaluate(closed: ClosedJaxpr, args: Sequence[Any]) -> list[Any]:
    """The results of a traced function, computed operation by operation."""
    values = dict(zip(closed.jaxpr.constvars, closed.consts, strict=True))
    values.update(zip(closed.jaxpr.invars, args, strict=True))

    def value(atom: Any) -> Any:
        return atom.val if isinstance(atom, Literal) else values[atom]

    for equation in closed.jaxpr.eqns:
        results = _do(equation, [value(atom) for atom in equation.invars])
        values.update(zip(equation.outvars, results, strict=True))
    return [value(atom) for atom in closed.jaxpr.outvars]


def _do(equation: Any, inputs: list[Any]) -> list[Any]:
    """The results of one operation: a copy's are its inputs, those of scalar constants are constants."""
    if equation.primitive.name == "copy":
        return inputs
    bind = functools.partial(equation.primitive.bind, **equation.primitive.get_bind_params(equation.params))
    if any(isinstance(x, jax.core.Tracer) for x in inputs) or equation.outvars[0].aval.shape:
        return jax.tree.leaves(bind(*inputs))
    with jax.ensure_compile_time_eval():
        return [np.asarray(bind(*inputs))[()]]
