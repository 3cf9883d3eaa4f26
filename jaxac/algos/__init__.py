"""The algorithms, behind one interface."""

from collections.abc import Callable
from typing import Any, NamedTuple

from jaxac.algos import a2c, a3c
from jaxac.devices.placement import Placement
from jaxac.reports import Lag, Report
from jaxac.spec import Spec
from jaxac.types import Params, PRNGKey


class Algo(NamedTuple):
    """Pure functions of the training program and its state (a pytree of the algorithm's own)."""

    init: Callable[[Spec, PRNGKey], Any]
    """``init(spec, key) -> state``."""
    update: Callable[[Spec, Any], tuple[Any, Report]]
    """``update(spec, state) -> (state, report)``: one unroll of every environment, and the server's steps on it."""
    params: Callable[[Any], Params]
    """``params(state)``: the parameters that are evaluated and saved."""
    placed: Callable[[Spec], Placement]
    """``placed(spec)``: the placement of an update's work on devices."""
    lag: Callable[[Spec, Any], Lag | None]
    """``lag(spec, state)``: distance of the acting parameters from the server's; None where they are the same."""


ALGOS = {
    "a2c": Algo(a2c.init, a2c.update, a2c.params, a2c.placed, a2c.lag),
    "a3c": Algo(a3c.init, a3c.update, a3c.params, a3c.placed, a3c.lag),
}
