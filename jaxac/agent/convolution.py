"""Convolutions over images: XLA's own, and on a CPU one product whose last axis is the batch.

XLA's convolution is slow on a CPU. As one product over all places of the kernel, with the batch as the axis along which
memory is read, MinAtar's network trains four to five times as fast: ``python -m experiments.convolution``.
"""

import math
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxac.config.parts import ConvNetworkConfig
from jaxac.types import Array


class Convolutions(nn.Module):
    """Convolutions ``[..., H · W · C] -> [..., F · H' · W']`` without padding, with a relu each.

    Kernels are orthogonal with gain √2, as in OpenAI Baselines; in the output features come first, on every device.
    """

    config: ConvNetworkConfig
    """The layers' settings."""
    shape: tuple[int, ...]
    """``(H, W, C)`` of an image."""

    @nn.compact
    def __call__(self, observation: Array) -> Array:
        leading, channels = observation.shape[:-1], self.shape[-1]
        x = observation.reshape(-1, *self.shape).transpose(3, 1, 2, 0)
        layers = zip(self.config.filters, self.config.kernel_sizes, self.config.strides, strict=True)
        for i, (filters, size, stride) in enumerate(layers):
            shape = (size, size, channels, filters)
            kernel = self.param(f"kernel_{i}", nn.initializers.orthogonal(2**0.5), shape)
            bias = self.param(f"bias_{i}", nn.initializers.zeros, (filters,))
            x = nn.relu(convolve(x, kernel, stride) + bias[:, None, None, None])
            channels = filters
        return x.reshape(-1, x.shape[-1]).T.reshape(*leading, math.prod(x.shape[:-1]))


def convolve(x: Array, kernel: Array, stride: int) -> Array:
    """[F, H', W', N] convolution without padding of ``x [C, H, W, N]`` with ``kernel [h, w, C, F]``."""
    return as_product(x, kernel, stride) if jax.default_backend() == "cpu" else by_xla(x, kernel, stride)


def by_xla(x: Array, kernel: Array, stride: int) -> Array:
    """The convolution of :func:`convolve` by XLA's own, for which images are turned to ``[N, H, W, C]``."""
    layouts = ("NHWC", "HWIO", "NHWC")
    out: Any = jax.lax.conv_general_dilated(
        x.transpose(3, 1, 2, 0), kernel, (stride, stride), "VALID", dimension_numbers=layouts
    )
    return out.transpose(3, 1, 2, 0)


def as_product(x: Array, kernel: Array, stride: int) -> Array:
    """The convolution of :func:`convolve` as a product ``[F, h · w · C] @ [h · w · C, H' · W' · N]``."""
    height, width, channels, filters = kernel.shape
    rows, columns = (x.shape[1] - height) // stride + 1, (x.shape[2] - width) // stride + 1
    below, right = stride * (rows - 1) + 1, stride * (columns - 1) + 1
    shifted = [x[:, i : i + below : stride, j : j + right : stride] for i in range(height) for j in range(width)]
    patches = jnp.concatenate(shifted).reshape(height * width * channels, -1)
    return (kernel.reshape(-1, filters).T @ patches).reshape(filters, rows, columns, -1)
