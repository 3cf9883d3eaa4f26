"""A learner in a process of its own: it computes gradients and keeps nothing, so any call can be repeated anywhere."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from jaxac.algos import a3c, shard
from jaxac.algos.realtime import calls
from jaxac.algos.shard import Gradient, Unrolled
from jaxac.devices import machine, threefry
from jaxac.spec import Spec
from jaxac.storage.serialization import Leaves
from jaxac.types import Params


class Learner:
    """One process of a pool.

    Args:
        spec: the training program, with its numbers on the host.
        cache: ``compilation_cache``, the directory for compiled programs; None for none.
    """

    def __init__(self, spec: Spec, cache: str | None) -> None:
        machine.enable_compilation_cache(cache)
        self._device = jax.local_devices()[0]
        alone = dataclasses.replace(jax.tree.map(jnp.asarray, spec), num_devices=1)
        self._spec = jax.device_put(alone, self._device)
        layout = jax.eval_shape(a3c.init, self._spec, jax.eval_shape(lambda: threefry.key(0)))
        _, actor = calls.of_a_shard(layout)
        self._leaves = Leaves(actor)
        self._gradient = calls.lower_gradient(self._spec, layout, self._device).compile()

    def describe(self) -> dict[str, Any]:
        """Versions, devices and XLA's number of threads in this process, from :func:`jaxac.devices.machine.describe`;
        Ray answers once the program has been compiled.
        """
        return machine.describe(self._spec.env.suite)

    def gradient(self, number: int, params: Params, actor: list[Any]) -> tuple[tuple[Gradient, Unrolled], list[Any]]:
        """:func:`jaxac.algos.shard.gradient` of shard ``number``, from the host to the host.

        Args:
            number: the shard's number.
            params: the snapshot, as NumPy arrays.
            actor: the leaves ``[N, ...]`` of the blocks of environments, from :class:`Leaves`.

        Returns:
            The gradient with the losses, and the leaves of the environments after the unroll.
        """
        snapshot = jax.device_put((params, self._leaves.restore(actor)), self._device)
        pushed, after, unrolled = self._gradient(shard.of_shard(self._spec, number), *snapshot)
        return jax.device_get((pushed, unrolled)), self._leaves.to_host(after)
