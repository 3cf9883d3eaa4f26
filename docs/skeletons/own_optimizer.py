"""An optimizer of your own: copy this file to where you start Python, change it, and train with it.

python -m jaxac.train +algo=a2c optimizer=own optimizer.name=own_optimizer:lion_for_kernels optimizer.learning_rate=3e-4

Those of optax need no file: optimizer=own optimizer.name=optax.lion optimizer.learning_rate=3e-4
"""

import jax
import optax


def lion_for_kernels(learning_rate: jax.Array, b1: float = 0.9, decay: float = 0.01) -> optax.GradientTransformation:
    """Lion that pulls kernels, and no biases, to zero.

    Args:
        learning_rate: of this step: jaxac calls the function anew for every step, with what optimizer.schedule says.
            It may be traced, so do not branch on it.
        b1: set it with optimizer.arguments.b1=0.95, as all that follows.
    """
    # Gradients come here clipped to optimizer.max_grad_norm. What is returned is added to the weights, so the last
    # step must turn the sign, as scale_by_learning_rate does.
    return optax.chain(
        optax.scale_by_lion(b1=b1),
        optax.add_decayed_weights(decay, mask=_is_kernel),
        optax.scale_by_learning_rate(learning_rate),
    )


def _is_kernel(weights: optax.Params) -> optax.Params:
    return jax.tree.map(lambda leaf: leaf.ndim > 1, weights)
