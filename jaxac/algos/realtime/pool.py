"""Learners in processes of Ray's, on one machine or on many; the server stays in this one.

A learner is a pure function of parameters and environments. Shards' environments belong to this process, which sends
references to them; a learner gives a new reference back. So Ray may repeat a call in another process when one was lost,
and nothing changes but the time of the push: which shard pushed what it had read when is still in the log.
"""

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import jax

from jaxac.algos import a3c
from jaxac.algos.realtime import calls, cluster
from jaxac.algos.realtime.learner import Learner
from jaxac.algos.realtime.learners import Computed, Held
from jaxac.devices import machine
from jaxac.errors import ConfigError, RunError
from jaxac.spec import Spec
from jaxac.storage.serialization import Leaves
from jaxac.types import ActorState, Params

_RETRIES = 10
"""Processes that may be lost over one gradient: more are no accident."""
_CHAIN = 16
"""Gradients after which a shard's environments pass through this process, where they stay: if a machine is lost with
them, Ray computes them again from there."""
_START = 300.0
"""Seconds in which learners must have started and compiled."""


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
        self._computed = [0] * spec.algo.num_shards
        self._idle, self._returned = set(range(count)), threading.Condition()
        options = {"num_cpus": 1, "max_restarts": -1, "max_task_retries": _RETRIES}
        make = self._ray.remote(Learner).options(**options, runtime_env={"env_vars": _environment()})
        self._learners = [make.remote(jax.device_get(spec), cache) for _ in range(count)]
        try:
            self._check(self._ray.get([each.describe.remote() for each in self._learners], timeout=_START))
        except BaseException as error:
            self.close()
            raise self._explained(error) from None

    def take(self, actors: Sequence[ActorState]) -> list[Held]:
        return [self._ray.put(self._leaves.to_host(actor)) for actor in actors]

    def gradient(self, number: int, params: Params, actor: Held) -> Computed:
        self._computed[number] += 1
        try:
            if self._computed[number] % _CHAIN == 0:
                actor = self._ray.put(self._ray.get(actor))
            with self._borrowed(number) as learner:
                result, after = learner.gradient.options(num_returns=2).remote(jax.device_get(params), actor)
                gradient, unrolled = self._ray.get(result)
        except self._ray.exceptions.RayError as error:
            raise self._explained(error) from error
        return Computed(gradient, after, unrolled)

    def give(self, actors: Sequence[Held], home: jax.Device) -> list[ActorState]:
        restored = [self._leaves.restore(each) for each in self._ray.get(list(actors))]
        return jax.device_put(restored, home)

    def close(self) -> None:
        """Ends the learners' processes."""
        for each in self._learners:
            self._ray.kill(each)

    @contextmanager
    def _borrowed(self, number: int) -> Iterator[Any]:
        """An idle learner: the shard's own if it is idle, which may still have the shard's environments at hand."""
        own = number % len(self._learners)
        with self._returned:
            self._returned.wait_for(lambda: self._idle)
            chosen = own if own in self._idle else min(self._idle)
            self._idle.remove(chosen)
        try:
            yield self._learners[chosen]
        finally:
            with self._returned:
                self._idle.add(chosen)
                self._returned.notify()

    def _check(self, described: Sequence[dict[str, Any]]) -> None:
        """Raises ConfigError if a learner would compute other bits than a replay in this process."""
        here = machine.describe()
        for learner in described:
            for package, version in learner["versions"].items():
                if version != here["versions"][package]:
                    raise ConfigError(
                        f"algo.runtime=ray: a learner has {package} {version}, and here is "
                        f"{here['versions'][package]}; install the same on all machines of the cluster."
                    )

    def _explained(self, error: BaseException) -> BaseException:
        """A lost cluster in one sentence; a learner's own exception, or another, as it is."""
        exceptions = self._ray.exceptions
        if isinstance(error, exceptions.GetTimeoutError):
            return RunError(
                f"algo.runtime=ray: the learners have not started in {_START:.0f} s; `ray status` tells who has the "
                "cluster's cores."
            )
        if isinstance(error, exceptions.RayError) and not isinstance(error, exceptions.RayTaskError):
            reason = str(error).strip().partition("\n")[0]
            return RunError(f"algo.runtime=ray: a learner was lost for good: {reason}; resume the run.")
        return error


def _environment() -> dict[str, str]:
    """The variables that make a learner's XLA round as this process' does, however many cores its machine shows."""
    ours = {name: value for name, value in os.environ.items() if name.startswith(("JAX_", "XLA_"))}
    here = {"NPROC": str(machine.xla_threads()), "JAX_PLATFORMS": "cpu"}
    return {**ours, **here, "JAX_CPU_ENABLE_ASYNC_DISPATCH": "false"}
