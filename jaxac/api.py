"""The library: everything that the commands do, as functions that print nothing and make no directory unasked."""

import dataclasses
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jaxac import names
from jaxac.agent.policy import Evaluation, Policy
from jaxac.algos import ALGOS
from jaxac.config.compose import make_config, to_overrides
from jaxac.config.schema import Config
from jaxac.distributed import agreement
from jaxac.errors import ConfigError, DivergedError, RunError
from jaxac.runs import failures, runner
from jaxac.runs.job import Job
from jaxac.runs.pure import make_train
from jaxac.storage import checkpoint, events, run_directory, serialization, weights
from jaxac.types import Params, PyTree

__all__ = [
    "ConfigError",
    "DivergedError",
    "Evaluation",
    "Policy",
    "Result",
    "RunError",
    "evaluate",
    "load",
    "make_config",
    "make_train",
    "train",
]


@dataclass(frozen=True)
class Result:
    """The result of training one configuration.

    With ``num_seeds`` above 1 ``state`` and ``params`` are lists, in the order of ``config.seeds``.
    """

    config: Config
    """The configuration that was trained."""
    state: PyTree
    """The whole training state at the end: parameters, optimizer, environments, keys."""
    params: Params
    """The policy's parameters: ``network`` (the weights) and ``moments`` (of observations)."""
    rows: list[dict[str, Any]]
    """A row of metrics for every chunk of updates, as in ``metrics.jsonl``; with several seeds, rows of their means."""
    summary: dict[str, Any]
    """The contents of ``summary.json``: status, last and best evaluation, steps, speed, digest, versions."""

    @property
    def evaluation(self) -> dict[str, Any]:
        """The last evaluation: ``eval/return_mean``, ``eval/return_std``, ``eval/episodes``.

        With several seeds there are bounds of the mean too, ``eval/return_mean_low`` and ``eval/return_mean_high``.
        """
        wanted = (*names.EVALUATION, *names.bounds(names.RETURN))
        return {name: self.summary[name] for name in wanted if name in self.summary}

    @property
    def policy(self) -> Policy:
        """The policy at the end of training.

        Raises:
            ValueError: if there are several seeds; make each one's policy with ``Policy(config, params[i])``.
        """
        if self.config.num_seeds > 1:
            raise ValueError(f"there are {self.config.num_seeds} policies: Policy(result.config, result.params[0]), …")
        return Policy(self.config, self.params)


def train(
    config: Config, directory: str | os.PathLike[str] | None = None, *, resume: bool = False, progress: bool = False
) -> Result:
    """Trains one configuration on all devices, or on all cores of a CPU.

    JAX chooses its devices once per process. If JAX has been used before, with the CPU as one device, training uses
    that device alone, and a warning says so.

    Args:
        config: the configuration, from :func:`make_config`.
        directory: the directory for what the command writes (``metrics.jsonl``, checkpoints, weights, curve …), which
            must not hold a run yet unless ``resume`` is given; None to write nothing.
        resume: resume the run in ``directory``.
        progress: show the command's live line.

    Raises:
        ConfigError: if a setting cannot work, in one sentence that names the setting and the fix.
        DivergedError: if a loss or a parameter is no longer finite.
        RunError: if there is no more disk, memory or threads for it.
        KeyboardInterrupt: if Ctrl-C stopped it; a run with a directory has been saved by then.
    """
    if config.resume is not None:
        raise ConfigError(f"resume={config.resume} is the command's; use train(config, directory, resume=True).")
    agreement.check_config(config, None)
    logger = dataclasses.replace(config.logger, console=progress)
    config = dataclasses.replace(config, logger=logger)
    job = Job(config) if directory is None else _open(config, Path(directory).expanduser().resolve(), resume)
    job.keeps_states = True
    try:
        runner.train([job], say=print if progress else _say_nothing)
    except SystemExit:
        raise KeyboardInterrupt from None
    job.result()
    return _result(job)


def _open(config: Config, directory: Path, resume: bool) -> Job:
    """A job with a directory, new or resumed."""
    curve, gif = (True if asked is None else asked for asked in (config.logger.curve, config.logger.gif))
    logger = dataclasses.replace(config.logger, curve=curve, gif=gif)
    config = dataclasses.replace(config, logger=logger, resume=str(directory) if resume else None)
    events.check(config)
    overrides = to_overrides(config)
    return Job(config, *run_directory.open_run(config, directory, overrides), overrides)


def _say_nothing(text: str) -> None:
    del text


def _result(job: Job) -> Result:
    states = [run.final_state for run in job.runs]
    params = [ALGOS[job.config.algo.name].params(state) for state in states]
    rows = run_directory.rows(job.directory) if job.directory else job.memory.rows
    if job.config.num_seeds == 1:
        return Result(job.config, states[0], params[0], rows, job.summary)
    return Result(job.config, states, params, rows, job.summary)  # type: ignore[arg-type]


def load(path: str | os.PathLike[str], best: bool = False) -> Policy:
    """The policy that a run has trained.

    Args:
        path: a run's directory, one of its checkpoints, or one of its files of weights.
        best: take the policy of the best evaluation rather than the newest; for a directory only.

    Raises:
        ConfigError: if there is no run, or no policy in it, or the file is damaged.
    """
    path = Path(path).expanduser().resolve()
    directory = path if path.is_dir() else path.parent.parent
    _require_run(path, directory)
    config = run_directory.read_config(directory)
    if path.suffix == ".npz":
        return Policy(config, weights.load(path))
    if best and path.is_dir():
        return Policy(config, weights.load(weights.path_of(directory, weights.BEST)))
    newest = checkpoint.newest(directory / run_directory.CHECKPOINTS) if path.is_dir() else path
    if newest is None:
        raise ConfigError(f"{directory} has no checkpoint yet; wait for the first, or start the run again.")
    return Policy(config, serialization.unpack_params(checkpoint.read(newest).state))


def _require_run(path: Path, directory: Path) -> None:
    """Raises ConfigError if ``directory`` holds no single run."""
    if not path.exists():
        raise ConfigError(f"{path} does not exist; give the directory of a run, a checkpoint, or a file of weights.")
    below = f"{run_directory.SEEDS}/*" if run_directory.holds_run(directory) else "*"
    several = sorted(path.glob(f"{below}/{run_directory.CONFIG}"))
    if several:
        raise ConfigError(f"{path} holds {len(several)} runs; give one of them, for example {several[0].parent}.")
    if not run_directory.holds_run(directory):
        raise ConfigError(f"{path} is no run: there is no {run_directory.CONFIG}; give the directory that a run wrote.")


def evaluate(
    policy: Policy | Result | str | os.PathLike[str],
    episodes: int | None = None,
    greedy: bool | None = None,
    seed: int | None = None,
    env_params: dict[str, Any] | None = None,
) -> Evaluation:
    """Evaluates a policy on fresh episodes, run side by side from start to end.

    Args:
        policy: a policy, the result of training, or the path of a run, as for :func:`load`.
        episodes: number of episodes; None for the run's ``evaluation.episodes``.
        greedy: take the most probable actions rather than sample; None for the run's ``evaluation.greedy``.
        seed: seed of the episodes; None for the run's. The episodes differ from those that the run was evaluated on.
        env_params: parameters of the environment to change, ``{"max_steps_in_episode": 200}``.

    Returns:
        The returns ``[episodes]``, with their mean and standard deviation.

    Raises:
        ConfigError: if there is no such run, or a setting cannot work.
        RunError: if there is not enough memory for so many episodes.
    """
    if isinstance(policy, Result):
        policy = policy.policy
    if not isinstance(policy, Policy):
        policy = load(policy)
    try:
        return policy.evaluate(episodes, greedy, seed, env_params)
    except Exception as error:
        raise failures.explain(error) or error from None
