"""The library: everything the commands do, as functions, without Hydra's directories and without a word of output."""

import dataclasses
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jaxac.agent.policy import Evaluation, Policy
from jaxac.algos import ALGOS
from jaxac.config.compose import make_config, to_overrides
from jaxac.config.schema import Config
from jaxac.errors import ConfigError, DivergedError
from jaxac.runs import runner
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
    "evaluate",
    "load",
    "make_config",
    "make_train",
    "train",
]


@dataclass(frozen=True)
class Result:
    """What came of training one configuration; of ``num_seeds`` of them, lists in the order of ``config.seeds``."""

    config: Config
    state: PyTree
    """The whole training state at the end: parameters, optimizer, environments, keys."""
    params: Params
    """The policy's parameters: ``network`` (the weights) and ``moments`` (of observations)."""
    rows: list[dict[str, Any]]
    """A row of metrics for every chunk of updates, as in ``metrics.jsonl``; of several seeds, their means."""
    summary: dict[str, Any]
    """What ``summary.json`` holds: status, last and best evaluation, steps, speed, digest, versions."""

    @property
    def evaluation(self) -> dict[str, Any]:
        """The final evaluation: ``eval_return_mean``, ``eval_return_std``, ``eval_episodes``."""
        return {name: value for name, value in self.summary.items() if name.startswith("eval_")}

    @property
    def policy(self) -> Policy:
        """The policy at the end.

        Raises:
            ValueError: if there are several seeds, whose policies are made of ``Policy(config, params)``.
        """
        if self.config.num_seeds > 1:
            raise ValueError(f"there are {self.config.num_seeds} policies: Policy(result.config, result.params[0]), …")
        return Policy(self.config, self.params)


def train(
    config: Config, directory: str | os.PathLike[str] | None = None, *, resume: bool = False, progress: bool = False
) -> Result:
    """Trains on all devices there are, or on all cores of a CPU.

    JAX decides once a process on what it runs: where it has been used before, with a CPU as one device, training uses
    that device alone, and a warning says so.

    Args:
        config: from :func:`make_config`.
        directory: where the run writes what the command leaves there (``metrics.jsonl``, checkpoints, weights, curve
            …), begun anew; None to leave nothing.
        resume: continue the run in ``directory``.
        progress: show the command's live line.

    Raises:
        ConfigError: if something cannot work, in one sentence that says what and how to mend it.
        DivergedError: if a loss or a parameter stopped being finite.
        KeyboardInterrupt: if Ctrl-C stopped it; a run with a directory is saved by then.
    """
    if config.resume is not None:
        raise ConfigError(f"resume={config.resume} is the command's; use train(config, directory, resume=True).")
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
    """A job with a directory, begun or found again."""
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
        best: of a directory, the policy of the best evaluation rather than the newest.

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
        raise ConfigError(f"{directory} has no checkpoint yet; wait for the first, or start the run anew.")
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
    """The returns of whole fresh episodes of a policy.

    Args:
        policy: or the result of training, or the path of a run, as for :func:`load`.
        episodes: how many, run side by side; None: ``evaluation.episodes``.
        greedy: whether to take the most probable actions; None: ``evaluation.greedy``.
        seed: of the episodes; None: the run's. They are none of those that the run was evaluated on.
        env_params: parameters of the environment to change, ``{"max_steps_in_episode": 200}``.

    Raises:
        ConfigError: if there is no such run, or something of it cannot work.
    """
    if isinstance(policy, Result):
        policy = policy.policy
    if not isinstance(policy, Policy):
        policy = load(policy)
    return policy.evaluate(episodes, greedy, seed, env_params)
