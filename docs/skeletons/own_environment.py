"""An environment of your own, a corridor to walk to its right end: copy this file to where you start Python, change it.

python -m jaxac.train +algo=a2c env.name=own_environment:Corridor env.params.length=10
"""

import jax
import jax.numpy as jnp
from flax import struct
from gymnax.environments import environment, spaces


@struct.dataclass
class State(environment.EnvState):  # which has the field time, to count steps in
    position: jax.Array


@struct.dataclass
class Params(environment.EnvParams):  # numbers, to be set and swept as env.params.NAME
    length: int = 6
    max_steps_in_episode: int = 50  # the time limit, which cuts an episode without ending it


class Corridor(environment.Environment):
    default_params, num_actions = Params(), 2

    def action_space(self, params=None):
        return spaces.Discrete(2)

    def observation_space(self, params):
        return spaces.Box(0.0, 1.0, (1,), jnp.float32)

    def reset_env(self, key, params):
        state = State(time=0, position=jax.random.randint(key, (), 0, params.length // 2))
        return jnp.array([state.position / params.length]), state

    def step_env(self, key, state, action, params):
        position = jnp.clip(state.position + 2 * action - 1, 0, params.length)
        arrived = position == params.length  # how an episode ends by its own rules; jaxac looks at the time limit
        state = State(time=state.time + 1, position=position)
        return jnp.array([position / params.length]), state, jnp.where(arrived, 1.0, -0.01), arrived, {}
