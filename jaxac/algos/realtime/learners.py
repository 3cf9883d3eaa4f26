"""The seam between A3C's server and those who compute its gradients: in this process, or anywhere else."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import jax

from jaxac.algos import shard
from jaxac.algos.shard import Gradient, Unrolled
from jaxac.spec import Spec
from jaxac.types import ActorState, Params

Held = Any
"""A shard's blocks of environments ``[N, ...]``, wherever they are; only :meth:`Learners.give` looks inside."""


class Place(NamedTuple):
    """A learner in a process of its own."""

    number: int
    """Number of the learner, from 0."""
    host: str
    """Name of the host that it runs on."""


class Lost(NamedTuple):
    """A call that was lost with its learner, and asked again."""

    place: Place
    """The learner that was asked."""
    at: float
    """The moment at which the loss was noticed, by :func:`time.perf_counter`."""
    seconds: float
    """Seconds from the call to that moment."""


class Computed(NamedTuple):
    """Result of one unroll of a shard with its snapshot."""

    gradient: Gradient
    """The gradient to push."""
    actor: Held
    """[N, ...] the blocks of environments after the unroll."""
    unrolled: Unrolled
    """Losses and ended episodes."""
    place: Place | None = None
    """The learner that computed it; None for a device of this process."""
    lost: tuple[Lost, ...] = ()
    """Calls for this gradient that were lost before, oldest first."""


class Learners(Protocol):
    """The place where gradients are computed, which does not matter: a pure function of parameters and environments."""

    count: int
    """``N``, the learners in processes of their own; 0 if the devices of this process compute."""

    def take(self, actors: Sequence[ActorState]) -> list[Held]:
        """Takes over the blocks of environments of all shards, each ``[N, ...]``, in the order of their numbers."""

    def gradient(self, number: int, params: Params, actor: Held) -> Computed:
        """:func:`jaxac.algos.shard.gradient` of shard ``number``; returns once it has been computed."""

    def give(self, actors: Sequence[Held], home: jax.Device) -> list[ActorState]:
        """The blocks of environments of some shards, each ``[N, ...]``, on ``home``."""

    def close(self) -> None:
        """Ends what belongs to the learners alone."""


class Local:
    """The devices of this process, each with the shards whose numbers it divides.

    Args:
        gradients: the compiled gradient, by the device that computes it.
        spec: the training program.
    """

    count = 0

    def __init__(self, gradients: Mapping[jax.Device, jax.stages.Compiled], spec: Spec) -> None:
        self._devices, self._gradients = list(gradients), gradients
        self._specs = {device: jax.device_put(spec, device) for device in gradients}

    def take(self, actors: Sequence[ActorState]) -> list[Held]:
        return [jax.device_put(actor, self._device(number)) for number, actor in enumerate(actors)]

    def gradient(self, number: int, params: Params, actor: Held) -> Computed:
        device = self._device(number)
        spec = shard.of_shard(self._specs[device], number)
        computed = self._gradients[device](spec, jax.device_put(params, device), actor)
        return jax.block_until_ready(Computed(*computed))

    def give(self, actors: Sequence[Held], home: jax.Device) -> list[ActorState]:
        return jax.device_put(list(actors), home)

    def close(self) -> None:
        """Does nothing: the devices are the process'."""

    def _device(self, number: int) -> jax.Device:
        return self._devices[number % len(self._devices)]
