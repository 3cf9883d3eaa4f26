"""Learners in processes of Ray's, on one machine or on many; the server stays in this one.

A learner is a pure function of parameters and environments, both of which stay here, too. So what a process was asked
that is lost with it, another is asked again, and nothing changes but the time of the push: which shard pushed what it
had read when is still in the log.
"""

import os
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple

import jax

from jaxac.algos import a3c
from jaxac.algos.realtime import calls, cluster
from jaxac.algos.realtime.learner import Learner
from jaxac.algos.realtime.learners import Computed, Held, Lost, Place
from jaxac.devices import machine
from jaxac.errors import ConfigError, RunError
from jaxac.spec import Spec
from jaxac.storage.serialization import Leaves
from jaxac.types import ActorState, Params

_TRIES = 5
"""Processes that may be lost over one gradient: more are no accident."""
_PATIENCE = 300.0
"""Seconds in which learners must have started and compiled, one must be back when all are lost, and the first gradient
must have come."""
_HANGS = 30.0, 20.0
"""A learner hangs if it has computed for so many seconds, and so many times as long as any gradient took before."""


class Environments(NamedTuple):
    """A shard's blocks of environments."""

    leaves: list[Any]
    """Their leaves ``[N, ...]`` in this process, which outlive the learner that computed them."""
    reference: Any
    """Ray's reference to them, so that what is already on a learner's machine is not sent there."""


class Pool:
    """``N`` learners for ``K`` shards: a shard is computed by the learner of its number, or by any that is idle.

    Args:
        spec: the training program.
        layout: shapes and shardings of the training state.
        count: ``N``, the number of learners.
        cache: ``compilation_cache``.

    Raises:
        ConfigError: if a learner has other versions of the packages that results depend on.
        RunError: if the learners do not start.
    """

    def __init__(self, spec: Spec, layout: a3c.State, count: int, cache: str | None) -> None:
        self._ray = cluster.library()
        self._leaves = Leaves(calls.of_a_shard(layout)[1])
        self._idle, self._away, self._changed = set(range(count)), set[int](), threading.Condition()
        make = self._ray.remote(Learner).options(num_cpus=1, max_restarts=-1, runtime_env={"env_vars": _environment()})
        numbers, self.count, self._longest = jax.device_get(spec), count, 0.0
        self._learners = [make.remote(numbers, cache) for _ in range(count)]
        self._calls = [each.gradient.options(num_returns=2) for each in self._learners]
        try:
            described = self._ray.get([each.describe.remote() for each in self._learners], timeout=_PATIENCE)
            _check(described, machine.describe(spec.env.suite)["versions"])
            self._hosts = [_host(each) for each in described]
        except self._ray.exceptions.GetTimeoutError:
            self.close()
            raise RunError(
                f"algo.runtime=ray: the learners have not started in {_PATIENCE:.0f} s; `ray status` tells who has the "
                "cluster's cores."
            ) from None
        except BaseException:
            self.close()
            raise

    def take(self, actors: Sequence[ActorState]) -> list[Held]:
        return [self._held(self._leaves.to_host(actor)) for actor in actors]

    def gradient(self, number: int, params: Params, actor: Held) -> Computed:
        """:func:`jaxac.algos.shard.gradient` of shard ``number``, by a learner; one that hangs is killed.

        Raises:
            RunError: if several learners were lost over it, or all are and none comes back.
        """
        snapshot, exceptions = jax.device_get(params), self._ray.exceptions
        ended = (exceptions.RayActorError, exceptions.ObjectLostError, exceptions.OutOfMemoryError)
        hangs = exceptions.GetTimeoutError
        lost: list[Lost] = []
        while len(lost) < _TRIES:
            learner = self._borrowed(number)
            place, asked = Place(learner, self._hosts[learner]), time.perf_counter()
            try:
                references = self._calls[learner].remote(number, snapshot, actor.reference)
                (gradient, unrolled), after = self._ray.get(references, timeout=self._patience())
            except (*ended, hangs) as error:
                at = time.perf_counter()
                if isinstance(error, hangs):
                    self._ray.kill(self._learners[learner], no_restart=False)
                lost.append(Lost(place, at, at - asked))
                self._expect(learner)
                actor = self._held(actor.leaves)
                continue
            self._longest = max(self._longest, time.perf_counter() - asked)
            self._return(learner)
            return Computed(gradient, Environments(after, references[1]), unrolled, place, tuple(lost))
        raise RunError(
            f"algo.runtime=ray: {_TRIES} learners were lost over the same gradient of shard {number}; see Ray's logs "
            "for why, and resume the run."
        )

    def give(self, actors: Sequence[Held], home: jax.Device) -> list[ActorState]:
        return jax.device_put([self._leaves.restore(each.leaves) for each in actors], home)

    def close(self) -> None:
        """Ends the learners' processes."""
        for each in self._learners:
            self._ray.kill(each)

    def _patience(self) -> float:
        """Seconds after which a learner that has not answered hangs."""
        least, times = _HANGS
        return max(least, times * self._longest) if self._longest else _PATIENCE

    def _held(self, leaves: list[Any]) -> Environments:
        return Environments(leaves, self._ray.put(leaves))

    def _borrowed(self, number: int) -> int:
        """An idle learner: the shard's own if it is idle, whose machine may still have the shard's environments."""
        own = number % len(self._learners)
        with self._changed:
            while not self._changed.wait_for(lambda: self._idle, _PATIENCE):
                if len(self._away) == len(self._learners):
                    raise RunError(
                        f"algo.runtime=ray: all learners are lost, and none has come back in {_PATIENCE:.0f} s; "
                        "`ray status` tells what the cluster has; resume the run."
                    )
            chosen = own if own in self._idle else min(self._idle)
            self._idle.remove(chosen)
        return chosen

    def _return(self, learner: int) -> None:
        with self._changed:
            self._away.discard(learner)
            self._idle.add(learner)
            self._changed.notify()

    def _expect(self, learner: int) -> None:
        """Leaves a lost learner alone until Ray has started it again, here or elsewhere, and it has compiled."""
        with self._changed:
            self._away.add(learner)

        def back(described: "Future[Any]") -> None:
            if described.exception() is None:
                self._hosts[learner] = _host(described.result())
                self._return(learner)

        self._learners[learner].describe.options(max_task_retries=-1).remote().future().add_done_callback(back)


def _check(described: Sequence[dict[str, Any]], here: Mapping[str, str | None]) -> None:
    """Raises ConfigError if a learner would compute other bits than a replay in this process, with its versions."""
    for learner in described:
        for package, version in learner["versions"].items():
            if version != here[package]:
                raise ConfigError(
                    f"algo.runtime=ray: a learner has {package} {version}, and here is {here[package]}; install the "
                    "same on all machines of the cluster."
                )


def _host(described: Mapping[str, Any]) -> str:
    """The name of the host of a learner that describes itself."""
    return str(described["processes"][0]["host"])


def _environment() -> dict[str, str]:
    """The variables that make a learner's XLA round as this process' does, however many cores its machine shows."""
    ours = {name: value for name, value in os.environ.items() if name.startswith(("JAX_", "XLA_"))}
    here = {"NPROC": str(machine.xla_threads()), "JAX_PLATFORMS": "cpu"}
    return {**ours, **here, "JAX_CPU_ENABLE_ASYNC_DISPATCH": "false"}
