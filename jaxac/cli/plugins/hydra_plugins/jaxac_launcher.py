"""``hydra/launcher=vmap``: the jobs of a multirun side by side, as lanes of one compiled program."""

from collections.abc import Sequence
from pathlib import Path

from hydra.core.utils import JobReturn, JobStatus, configure_log, run_job, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict

from jaxac.cli import check, sweep, sweep_configs


class VmapLauncher(Launcher):
    """A Hydra launcher that composes and checks every job first, and then trains them together.

    Args:
        max_lanes: runs (jobs, or seeds of jobs) trained side by side, at most.
        how: ``vmap``, ``cores`` or ``auto``; see :func:`jaxac.runs.runner.train`.
    """

    def __init__(self, max_lanes: int, how: str) -> None:
        self._max_lanes, self._how = max_lanes, how

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Takes the sweep's configuration; Hydra calls it once, before :meth:`launch`."""
        del task_function  # it would train its job at once
        self._context, self._config = hydra_context, config
        self._closing = sweep.Closing(OmegaConf.select(config, "hydra.sweeper.n_trials"))
        sweep_configs.compose_once(hydra_context.config_loader)

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Trains a batch of jobs; Hydra calls it for every batch that its sweeper makes.

        Args:
            job_overrides: the overrides of each job.
            initial_job_idx: number of the first job in the sweep.
        """
        setup_globals()
        configure_log(self._config.hydra.hydra_logging, self._config.hydra.verbose)
        check.check_section("hydra.launcher", {"max_lanes": self._max_lanes, "how": self._how})
        Path(self._config.hydra.sweep.dir).mkdir(parents=True, exist_ok=True)
        jobs = [self._open(list(overrides), initial_job_idx + i) for i, overrides in enumerate(job_overrides)]
        opened = {index: job.return_value for index, job in enumerate(jobs) if job.status == JobStatus.COMPLETED}
        results = sweep.train(opened, self._max_lanes, self._how)
        for line in self._closing.add(list(opened.values()), len(jobs)):
            print(line, flush=True)
        for index, result in results.items():
            jobs[index].return_value = result
            if isinstance(result, Exception):
                jobs[index].status = JobStatus.FAILED
        return jobs

    def _open(self, overrides: list[str], number: int) -> JobReturn:
        """Hydra's part of a job: its configuration, directory and ``.hydra``; the result holds the job to train."""
        from jaxac.cli.jobs import open_job

        config = self._context.config_loader.load_sweep_config(self._config, overrides)
        with open_dict(config):
            config.hydra.job.id = config.hydra.job.num = number
        return run_job(
            open_job, config, "hydra.sweep.dir", "hydra.sweep.subdir", self._context, configure_logging=number == 0
        )
