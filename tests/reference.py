"""Estimators transcribed from the papers, in numpy, O(T²): slow, plain, and sharing no code with jaxac."""

import numpy as np


def gae(reward, discount, done, value, next_value, gae_lambda):
    """Schulman et al. 2016, eq. 16: A_t = Σ_l (Π_{i<l} γ_i λ (1 − done_i)) δ_{t+l}, the sum written out."""
    length = len(reward)
    advantage = np.zeros(length)
    for t in range(length):
        weight = 1.0
        for s in range(t, length):
            advantage[t] += weight * (reward[s] + discount[s] * next_value[s] - value[s])
            weight *= discount[s] * gae_lambda * (1 - done[s])
    return advantage


def n_step_return(reward, discount, done, next_value):
    """Mnih et al. 2016, Algorithm S3: rewards to the end of the unroll or of the episode, then a bootstrap."""
    length = len(reward)
    result = np.zeros(length)
    for t in range(length):
        weight = 1.0
        for s in range(t, length):
            result[t] += weight * reward[s]
            weight *= discount[s]
            if done[s] or s == length - 1:
                result[t] += weight * next_value[s]
                break
    return result


def monte_carlo_return(reward, gamma, terminated):
    """The discounted sum of rewards up to the termination; NaN where none follows."""
    length = len(reward)
    result = np.full(length, np.nan)
    for t in range(length):
        total = 0.0
        for s in range(t, length):
            total += gamma ** (s - t) * reward[s]
            if terminated[s]:
                result[t] = total
                break
    return result


def rmsprop(params, gradients, learning_rate, decay, epsilon):
    """Mnih et al. 2016, eq. S2 and S3, for a list of gradients: g ← αg + (1−α)Δ², θ ← θ − ηΔ/√(g + ε)."""
    mean_square = np.zeros_like(params)
    for gradient in gradients:
        mean_square = decay * mean_square + (1 - decay) * gradient**2
        params = params - learning_rate * gradient / np.sqrt(mean_square + epsilon)
    return params
