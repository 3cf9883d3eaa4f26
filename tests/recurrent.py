"""A recurrent actor-critic in plain NumPy, in double precision, that shares no code with jaxac.

Every memory is computed anew from all that the stream has seen since its last reset: O(T²), and nothing is shifted.
"""

import numpy as np

from tests import reference

ACTIVATIONS = {"relu": lambda x: np.maximum(x, 0), "tanh": np.tanh}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def gru(kernel, memory, inputs):
    """Cho et al. 2014, unit by unit; the reset gate after the product."""
    (hidden,), units = memory, len(memory[0])
    after = np.empty(units)
    for j in range(units):
        r = sigmoid(inputs[j] + sum(hidden[i] * kernel[i, j] for i in range(units)))
        z = sigmoid(inputs[units + j] + sum(hidden[i] * kernel[i, units + j] for i in range(units)))
        past = sum(hidden[i] * kernel[i, 2 * units + j] for i in range(units))
        after[j] = z * hidden[j] + (1 - z) * np.tanh(inputs[2 * units + j] + r * past)
    return (after,)


def lstm(kernel, memory, inputs):
    """Gers et al. 2000, unit by unit; the forget gate's bias is 1 more."""
    hidden, cell = memory
    units = len(hidden)
    told, kept = np.empty(units), np.empty(units)
    for j in range(units):
        i, f, g, o = (inputs[n * units + j] + hidden @ kernel[:, n * units + j] for n in range(4))
        kept[j] = sigmoid(f + 1) * cell[j] + sigmoid(i) * np.tanh(g)
        told[j] = sigmoid(o) * np.tanh(kept[j])
    return told, kept


def mingru(kernel, memory, inputs):
    """Feng et al. 2024, unit by unit."""
    (hidden,), units = memory, len(memory[0])
    z = [sigmoid(inputs[j]) for j in range(units)]
    return (np.array([(1 - z[j]) * hidden[j] + z[j] * inputs[units + j] for j in range(units)]),)


CELLS = {"gru": gru, "lstm": lstm, "mingru": mingru}


def dense(layer, x):
    return x @ layer["kernel"] + layer["bias"]


class Oracle:
    """The network with the weights and settings of a program, on one stream.

    Args:
        spec: the training program.
        weights: its weights, in double precision.
        memory: the arrays ``[B, H]`` of its first memory, those of each cell after the other.
    """

    def __init__(self, spec, weights, memory):
        self.network, self.weights, self.memory = spec.network, weights, memory
        self.cell = CELLS[spec.network.memory]
        self.prefixes = ("",) if spec.network.shared else ("actor_", "critic_")

    def outputs(self, stream, seen, fresh):
        """The logits and the value at the last of the observations ``seen``, which a stream has met without a reset.

        Args:
            stream: number of the stream.
            seen: observations since the last reset, or since the start of the unroll.
            fresh: True after a reset: the memory is 0, rather than the first one.
        """
        hidden, each = [], len(self.memory) // len(self.prefixes)
        for number, prefix in enumerate(self.prefixes):
            memory = [np.asarray(x[stream], np.float64) for x in self.memory[number * each : (number + 1) * each]]
            memory = [np.zeros_like(x) for x in memory] if fresh else memory
            weights = self.weights[f"{prefix}cell"]
            for x in seen:
                for layer in sorted(self.weights[f"{prefix}torso"]):
                    x = ACTIVATIONS[self.network.activation](dense(self.weights[f"{prefix}torso"][layer], x))
                memory = self.cell(weights.get("kernel"), memory, dense(weights["inputs"], x))
            hidden.append(memory[0])
        return dense(self.weights["actor"], hidden[0]), dense(self.weights["critic"], hidden[-1])[0]

    def at(self, batch, t, stream, more=()):
        """The same at step ``t``, or at an observation ``more`` after it."""
        ended = [s for s in range(t) if batch.done[s, stream]]
        start = ended[-1] + 1 if ended else 0
        seen = [batch.observation[s, stream] for s in range(start, t + 1)]
        return self.outputs(stream, [np.asarray(x, np.float64) for x in (*seen, *more)], bool(ended))

    def all(self, batch):
        """Logits ``[T, B, A]`` and values ``[T, B]`` at every step."""
        found = [[self.at(batch, t, b) for b in range(batch.done.shape[1])] for t in range(batch.done.shape[0])]
        return np.array([[x for x, _ in row] for row in found]), np.array([[x for _, x in row] for row in found])

    def next_values(self, batch, last):
        """Values ``[T, B]`` of what followed each step, with the memory after it; not a number at a termination."""
        result = np.full(batch.done.shape, np.nan)
        for t, b in np.ndindex(*batch.done.shape):
            if batch.discount[t, b] == 0:
                continue
            at_the_end = last[b] if t == len(result) - 1 else batch.observation[t + 1, b]
            follows = batch.final_observation[t, b] if batch.done[t, b] else at_the_end
            result[t, b] = self.at(batch, t, b, more=(follows,))[1]
        return result


def targets(spec, oracle, batch, last):
    """Advantages and λ-returns ``[T, B]``, by the sum of every pair of steps."""
    _, value = oracle.all(batch)
    following = np.nan_to_num(oracle.next_values(batch, last))
    discount = float(spec.algo.discount) * np.asarray(batch.discount)
    streams = (np.asarray(batch.reward), discount, np.asarray(batch.done), value, following)
    decay = float(spec.algo.gae_lambda)
    advantage = np.stack([reference.gae(*(x[:, b] for x in streams), decay) for b in range(value.shape[1])], axis=1)
    return advantage, advantage + value


def loss(spec, oracle, batch, advantage, goal):
    """The objective at the oracle's weights, for given targets ``[T, B]``."""
    logits, value = oracle.all(batch)
    log_probs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    chosen = np.take_along_axis(log_probs, np.asarray(batch.action)[..., None], -1)[..., 0]
    entropy = -(np.exp(log_probs) * log_probs).sum(-1)
    value_loss = 0.5 * np.square(goal - value).mean()
    return (
        -(chosen * advantage).mean()
        + float(spec.algo.value_coef) * value_loss
        - float(spec.algo.entropy_coef) * entropy.mean()
    )
