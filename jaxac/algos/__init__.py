"""The algorithms, behind one interface."""

from collections.abc import Callable
from typing import Any, NamedTuple

from jaxac.algos import a2c
from jaxac.spec import Spec
from jaxac.types import Episodes, Metrics, Params, PRNGKey


class Algo(NamedTuple):
    """Pure functions of the training program and its state (a pytree of the algorithm's own)."""

    init: Callable[[Spec, PRNGKey], Any]
    """``init(spec, key) -> state``."""
    update: Callable[[Spec, Any], tuple[Any, tuple[Metrics, Episodes]]]
    """``update(spec, state) -> (state, report)``: one unroll of every environment, one step of the optimizer."""
    params: Callable[[Any], Params]
    """``params(state)``: what is evaluated."""


ALGOS = {"a2c": Algo(a2c.init, a2c.update, a2c.params)}
