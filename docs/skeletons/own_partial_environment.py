"""CartPole without its velocities: where cart and pole are going, only what was seen before tells.

python -m jaxac.train +algo=a2c env.name=own_partial_environment:HiddenVelocities network.memory=gru
"""

import jax.numpy as jnp
from gymnax.environments import spaces
from gymnax.environments.classic_control import cartpole


class HiddenVelocities(cartpole.CartPole):
    def get_obs(self, state, params=None, key=None):
        return jnp.array([state.x, state.theta])

    def observation_space(self, params):
        return spaces.Box(-5.0, 5.0, (2,), jnp.float32)
