"""Workers that are tasks of Ray's, on this machine or anywhere in a cluster."""

import os
from collections.abc import Mapping
from typing import Any

from jaxac.devices import ray_cluster
from jaxac.errors import ConfigError
from jaxac.workers import task as task_module
from jaxac.workers.base import Done, LostError, Running, Task

_ASKED = ray_cluster.Asked("hydra.launcher.executor=ray", "hydra.launcher.ray.address", "hydra.launcher.executor=local")


class OnRay:
    """Tasks of Ray's, each with cores and GPUs of its own.

    If this process has joined a cluster by itself, that one is taken, and left as it is.

    Args:
        count: ``hydra.launcher.workers``.
        settings: ``hydra.launcher.ray``.
        variables: further environment variables of the workers.

    Raises:
        ConfigError: if Ray cannot be reached, or none of its machines has what a worker needs.
    """

    def __init__(self, count: int, settings: Mapping[str, Any], variables: Mapping[str, str]) -> None:
        self._ray = ray_cluster.library(_ASKED)
        self._own = not self._ray.is_initialized()
        if self._own:
            ray_cluster.start(self._ray, settings["address"], _ASKED)
        try:
            cpus, gpus = _needs(count, settings, [node["Resources"] for node in self._ray.nodes() if node["Alive"]])
        except ConfigError:
            self.close()
            raise
        only_cpu = {} if gpus else {"JAX_PLATFORMS": "cpu"}  # Ray shows GPUs to tasks that asked for none
        self.cores: int | None = cpus
        self._train = self._ray.remote(task_module.train).options(
            num_cpus=cpus, num_gpus=gpus, max_retries=0, runtime_env={"env_vars": {**variables, **only_cpu}}
        )

    def begin(self, task: Task) -> Running:
        return _Running(self._ray, self._train.remote(task))

    def close(self) -> None:
        if self._own:
            self._ray.shutdown()


class _Running:
    def __init__(self, ray: Any, reference: Any) -> None:
        self._ray, self._reference = ray, reference

    def poll(self) -> Done | None:
        ready, _ = self._ray.wait([self._reference], timeout=0)
        if not ready:
            return None
        try:
            return self._ray.get(self._reference)
        except self._ray.exceptions.RayError as error:
            lines = [line for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
            told = lines[-1] if isinstance(error, self._ray.exceptions.RayTaskError) else lines[0]
            raise LostError(f"Ray says: {told.strip().partition('. ')[0].rstrip('.')}") from None


def _needs(count: int, settings: Mapping[str, Any], machines: list[Mapping[str, float]]) -> tuple[int, float]:
    """The cores and the GPUs of one worker.

    Args:
        count: the number of workers.
        settings: ``hydra.launcher.ray``.
        machines: what each machine of the cluster has, as Ray names it.

    Raises:
        ConfigError: if no machine has as much.
    """
    all_cores = sum(each.get("CPU", 0) for each in machines)
    cpus = settings["num_cpus"] or max(1, int(min(all_cores // count, max(each.get("CPU", 0) for each in machines))))
    gpus = settings["num_gpus"]
    if gpus is None:
        on_cpu = os.environ.get("JAX_PLATFORMS", "").split(",")[0] == "cpu"
        gpus = 1 if any(each.get("GPU", 0) for each in machines) and not on_cpu else 0
    if not any(each.get("CPU", 0) >= cpus and each.get("GPU", 0) >= gpus for each in machines):
        raise ConfigError(
            f"hydra.launcher.ray.num_cpus={cpus} and num_gpus={gpus} are more than any machine of the cluster has; "
            "lower them, or add machines."
        )
    return cpus, gpus
