"""CartPole without its velocities: where the cart and the pole go, only what was seen before tells.

python -m jaxac.train +algo=a2c env.name=own_partial_environment:HiddenVelocities network.memory=gru
"""

from typing import Any

import jax
import jax.numpy as jnp
from gymnax.environments import spaces
from gymnax.environments.classic_control import cartpole


class HiddenVelocities(cartpole.CartPole):
    """Observations of the cart's place and the pole's angle alone."""

    def get_obs(self, state: Any, *arguments: Any) -> jax.Array:
        """[2] the place and the angle."""
        return jnp.array([state.x, state.theta])

    def observation_space(self, params: Any) -> spaces.Box:
        """The two observed numbers."""
        return spaces.Box(-5.0, 5.0, (2,), jnp.float32)
