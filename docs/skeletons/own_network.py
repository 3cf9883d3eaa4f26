"""A network of your own: copy this file to where you start Python, change it, and train with it.

python -m jaxac.train +algo=a2c network=own network.name=own_network:Residual 'network.arguments={width: 64, depth: 2}'
"""

import flax.linen as nn
import jax


class Residual(nn.Module):
    """Layer-normalized residual blocks, a head for the policy and one for the value."""

    num_actions: int  # given by jaxac to every network that has a field of this name
    width: int = 64  # all others are network.arguments
    depth: int = 2

    @nn.compact
    def __call__(self, observation: jax.Array) -> tuple[jax.Array, jax.Array]:
        # [..., O] with any number of leading axes: none, the environments' [B], or a whole unroll's [T, B].
        # With network.flatten=false it has the environment's own shape instead of O, for convolutions.
        x = nn.Dense(self.width)(observation)
        for _ in range(self.depth):
            x = x + nn.Dense(self.width)(nn.relu(nn.LayerNorm()(x)))
        x = nn.relu(x)
        # A small last layer starts from a nearly uniform policy.
        logits = nn.Dense(self.num_actions, kernel_init=nn.initializers.orthogonal(0.01))(x)
        value = nn.Dense(1)(x)
        return logits, value.squeeze(-1)  # [..., A] and [...]
