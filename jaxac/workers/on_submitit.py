"""Workers that are jobs of Slurm's, by submitit."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jaxac.devices import machine
from jaxac.errors import ConfigError
from jaxac.workers import task as task_module
from jaxac.workers.base import Done, LostError, Running, Task


class OnSubmitit:
    """Jobs of a queue, one a task; where there is no queue, processes of this machine, for a trial.

    Args:
        count: ``hydra.launcher.workers``.
        settings: ``hydra.launcher.submitit``.
        variables: further environment variables of the workers.
        folder: the directory for submitit's files.

    Raises:
        ConfigError: if submitit refuses a setting.
    """

    def __init__(self, count: int, settings: Mapping[str, Any], variables: Mapping[str, str], folder: Path) -> None:
        import submitit

        self._variables, self._jobs = variables, list[Any]()
        given = {name: value for name, value in settings.items() if name != "cluster" and value is not None}
        try:
            self._executor = submitit.AutoExecutor(folder / "submitit", cluster=settings["cluster"])
            self._executor.update_parameters(**{"name": "jaxac", **given})
        except (NameError, TypeError, ValueError, RuntimeError, AssertionError) as error:
            raise ConfigError(f"hydra.launcher.submitit does not work: {_first_line(error)}.") from None
        in_queue = self._executor.cluster not in ("local", "debug")
        self.cores: int | None = None if in_queue else max(1, machine.num_cores() // count)

    def begin(self, task: Task) -> Running:
        with _variables_set(self._variables):
            try:
                job = self._executor.submit(task_module.train, task)
            except Exception as error:  # of a command of the queue's, and of ours that reads what it says
                raise ConfigError(f"hydra.launcher.submitit does not work: {_first_line(error)}.") from None
        self._jobs.append(job)
        return _Running(job)

    def close(self) -> None:
        for job in self._jobs:
            if job.state in ("PENDING", "RUNNING"):
                job.cancel(check=False)


class _Running:
    def __init__(self, job: Any) -> None:
        self._job = job

    def poll(self) -> Done | None:
        from submitit.core.utils import FailedJobError, UncompletedJobError

        if not self._job.done():
            return None
        try:
            return self._job.result()
        except UncompletedJobError:
            raise LostError(f"job {self._job.job_id} left no result ({self._job.state})") from None
        except FailedJobError:
            raise LostError(f"job {self._job.job_id} failed, see {self._job.paths.stderr}") from None


@contextmanager
def _variables_set(variables: Mapping[str, str]) -> Iterator[None]:
    """Sets environment variables, which jobs inherit, while the block runs."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
