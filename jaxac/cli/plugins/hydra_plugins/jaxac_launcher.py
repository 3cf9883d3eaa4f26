"""``hydra/launcher=vmap``: the jobs of a multirun side by side, as lanes of one compiled program."""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.utils import JobReturn, JobStatus, configure_log, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict

from jaxac.cli import launch, sweep, sweep_configs, sweep_jobs
from jaxac.runs.job import Job
from jaxac.workers import settings as workers
from jaxac.workers.base import Trained
from jaxac.workers.settings import Settings

if TYPE_CHECKING:
    from jaxac.workers.driver import Driver


class VmapLauncher(Launcher):
    """A Hydra launcher that composes and checks every job first, and then trains them together, here or by workers.

    Args:
        settings: the values of ``hydra.launcher``, by their names.
    """

    def __init__(self, **settings: Any) -> None:
        plain: dict[str, Any] = {name: _plain(value) for name, value in settings.items()}
        self._settings = Settings(**plain)
        self._driver: Driver | None = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Takes the sweep's configuration; Hydra calls it once, before :meth:`launch`."""
        del task_function  # it would train its job at once
        self._context, self._config = hydra_context, config
        self._closing = sweep.Closing(OmegaConf.select(config, "hydra.sweeper.n_trials"))
        sweep_configs.compose_once(hydra_context.config_loader)
        sweep_configs.validate_once()

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Trains a batch of jobs; Hydra calls it for every batch that its sweeper makes.

        Args:
            job_overrides: the overrides of each job.
            initial_job_idx: number of the first job in the sweep.
        """
        setup_globals()
        configure_log(self._config.hydra.hydra_logging, self._config.hydra.verbose)
        launch.check_section("hydra.launcher", vars(self._settings))
        directory = Path(self._config.hydra.sweep.dir)
        directory.mkdir(parents=True, exist_ok=True)
        jobs = [self._open(list(overrides), initial_job_idx + i) for i, overrides in enumerate(job_overrides)]
        opened = {index: job.return_value for index, job in enumerate(jobs) if job.status == JobStatus.COMPLETED}
        trained = self._train(opened, directory)
        for line in self._closing.add([each.ended for each in trained.values()], len(jobs), directory.absolute()):
            print(line, flush=True)
        for index, each in trained.items():
            jobs[index].return_value = each.result
            if isinstance(each.result, Exception):
                jobs[index].status = JobStatus.FAILED
        return jobs

    def _train(self, jobs: Mapping[int, Job], directory: Path) -> Mapping[int, Trained]:
        if self._settings.in_process:
            return sweep.train(jobs, self._settings.max_lanes, self._settings.how, directory)
        proposed = OmegaConf.select(self._config, "hydra.sweeper.n_jobs")
        configs = [job.config for job in jobs.values()]
        workers.check(self._settings.executor, self._settings.workers, proposed, configs)
        if self._driver is None:
            from jaxac.workers.driver import Driver  # imports JAX

            settings = self._settings
            if settings.executor == "local":  # other workers may have other devices, and see for themselves
                settings = dataclasses.replace(settings, how=sweep.choose(jobs.values(), settings.how, directory))
            self._driver = Driver(settings, directory, functools.partial(print, flush=True))
        return self._driver.train(jobs)

    def _open(self, overrides: list[str], number: int) -> JobReturn:
        """Hydra's part of a job: its configuration, directory and ``.hydra``; the result holds the job to train."""
        from jaxac.cli.jobs import open_job

        config = self._context.config_loader.load_sweep_config(self._config, overrides)
        with open_dict(config):
            config.hydra.job.id = config.hydra.job.num = number
        return sweep_jobs.run(open_job, config, self._context, logs=number == 0)


def _plain(value: Any) -> Any:
    return OmegaConf.to_container(value) if OmegaConf.is_config(value) else value
