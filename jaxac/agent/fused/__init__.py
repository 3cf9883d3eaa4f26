"""The fused path: a whole unroll is one kernel, its gradient another (Pallas; Triton compiles them for NVIDIA GPUs).

XLA compiles one step of a small network in a simple environment to some thirty kernels, each of which takes a GPU
longer to start than to run. Here every program of the grid takes a tile of environments through all ``T`` steps and
keeps weights and environments in registers. *What* is computed is shared with the XLA path: the kernels trace
:func:`jaxac.agent.rollout.step`, :mod:`jaxac.agent.objective` and :mod:`jaxac.agent.returns` as they are. So the same
random numbers, drawn by the same code beforehand, make the same actions.

Two things differ. Arrays are padded, because Triton needs powers of two, and matrix products at least 16 wide: a padded
unit is always 0 (every activation maps 0 to 0), a padded action has no probability. And the observation must consist
of fields of the environment's state (``[x, x_dot, theta, theta_dot]``), because a kernel cannot stack numbers into
rows; :func:`jaxac.agent.fused.columns.observed_fields` finds them by trying.
"""

import math

import jax

from jaxac.agent.fused import columns, tiles
from jaxac.agent.fused.acting import unroll
from jaxac.agent.fused.learning import gradient
from jaxac.config.parts import NetworkConfig
from jaxac.envs import Env
from jaxac.errors import ConfigError
from jaxac.spec import Spec

__all__ = ["check", "gradient", "unroll"]

_MOST_WEIGHTS = 2**14
"""The most padded weights; they stay on the chip, in two orders."""


def check(spec: Spec, env: Env) -> None:
    """Checks that the kernels can work.

    Raises:
        ConfigError: if the environment, the device or the network does not fit them.
    """
    columns.observed_fields(env)
    if jax.default_backend() not in ("cpu", "gpu"):
        raise ConfigError(f"algo.kernel=fused does not work on a {jax.default_backend()}; choose algo.kernel=xla.")
    assert isinstance(spec.network, NetworkConfig), "validation.resolve() refuses others"
    number = sum(math.prod(x.shape) for x in jax.tree.leaves(tiles.make(spec, env).weights))
    if number > _MOST_WEIGHTS:
        raise ConfigError(
            f"network.hidden_sizes={list(spec.network.hidden_sizes)} makes {number} weights, of which "
            f"algo.kernel=fused keeps {_MOST_WEIGHTS} on the chip; make it smaller, or choose algo.kernel=xla."
        )
