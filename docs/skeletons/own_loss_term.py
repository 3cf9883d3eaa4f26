"""A term of your own in the objective: copy this file to where you start Python, change it, and train with it.

python -m jaxac.train +algo=a2c 'algo.loss_terms.size={function: own_loss_term:size_of_logits, weight: 1e-3}'

Its value is in the rows of metrics.jsonl, and in W&B, as train/size_loss. Weights are numbers, so a sweep over them
is one program: -m hydra/launcher=vmap algo.loss_terms.size.weight=0,1e-4,1e-3
"""

import jax
import jax.numpy as jnp

from jaxac.agent.loss_terms import LossInputs


def size_of_logits(inputs: LossInputs) -> jax.Array:
    """The mean square of log Σ exp of the logits, which keeps them from drifting off together ("z-loss").

    There also are, for all steps of a shard's unroll: inputs.value [T, B] as inputs.logits [T, B, A]; the targets
    inputs.targets.advantage and inputs.targets.value [T, B], through which no gradient flows; what happened,
    inputs.transitions.observation [T, B, O], .action, .reward, .done …; and the network itself, inputs.weights and
    inputs.apply(inputs.weights, observation), to evaluate it elsewhere.
    """
    normalizer = jax.nn.logsumexp(inputs.logits, axis=-1)  # [T, B]
    return inputs.mean(jnp.square(normalizer))  # a scalar: the mean over the steps that count
