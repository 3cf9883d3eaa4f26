"""``python -m jaxac.train +algo=a2c …``: composes the configuration, trains, returns what a sweeper optimizes.

JAX is imported only once the configuration has been checked.
"""

import os
import signal
import sys
import traceback
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import NoReturn

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from jaxac.cli import check, explain, hydra_setup, options, overrides, places, search
from jaxac.cli.check import Checked
from jaxac.cli.jobs import open_job
from jaxac.cli.options import CommandLine
from jaxac.config import hydra_errors
from jaxac.config.compose import CONF
from jaxac.devices.garbage import collected_seldom
from jaxac.distributed import agreement, member, place, team
from jaxac.errors import ConfigError, DivergedError, RunError

hydra_setup.register()


@hydra.main(version_base="1.3", config_path=CONF, config_name="config")
def job(cfg: DictConfig) -> float | None:
    """One Hydra job: a training run in Hydra's output directory.

    Returns:
        The mean return of the last evaluation; None if there was none.
    """
    try:
        opened = open_job(cfg)
        opened.begin()

        from jaxac.runs import runner  # the first import of JAX

        runner.train([opened])
        return opened.result()
    except (ConfigError, DivergedError, RunError) as error:
        if HydraConfig.get().mode == RunMode.MULTIRUN:
            raise  # the other jobs still run
        _fail(error)


def main() -> None:
    """The command's entry point; a mistake in the configuration ends it with one sentence and exit code 2."""
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")  # Hydra's own errors reach us and become one sentence
    made: list[Path] = []
    try:
        line = options.parse(sys.argv[1:])
        if answer := _answer(line.options):
            _show(answer)
            return
        _take_place(line)
        sys.argv[1:], made = prepare(sys.argv[1:])
        job()
    except (ConfigError, DivergedError, RunError, SystemExit) as error:
        if isinstance(error, ConfigError) or getattr(error, "code", None) == ConfigError.exit_code:
            places.remove_traces(made)
        _fail(error)
    except (HydraException, OmegaConfBaseException) as error:
        places.remove_traces(made)
        _fail(ConfigError(hydra_errors.explain(error, sys.argv[1:])))
    except ValueError as error:
        if not search.is_without_results(error):
            raise
        _fail(RunError("no trial of the search was completed, for the reasons above; give it other values to try."))
    except OSError as error:
        if error.filename is None:
            raise
        _fail(
            ConfigError(f"cannot write {error.filename}: {error.strerror}; choose another place with hydra.run.dir=…")
        )
    except KeyboardInterrupt as error:
        _leave(getattr(error, "exit_code", 128 + getattr(error, "signal", signal.SIGINT)))
    finally:
        _end_together()


def _take_place(line: CommandLine) -> None:
    """Has this process lead, or follow to its end, if it is one of several that train one run."""
    mine = place.find(line.overrides, os.environ) if line.trains else None
    if mine is None:
        return
    if mine.process_id == 0:
        team.lead(mine)
        return
    leader = member.Member(mine)
    from jaxac.runs import follower  # the first import of JAX

    follower.follow(leader)


def _end_together() -> None:
    """Ends the followers, if there are any, and this process, by the exit code that it is about to have."""
    error = sys.exception()
    if team.current() is None:
        return
    if error and not isinstance(error, SystemExit):
        traceback.print_exception(error)
    code = getattr(error, "code", 1) if error else 0
    _leave(code if isinstance(code, int) else int(code is not None))


def _show(text: str) -> None:
    try:
        print(text, flush=True)
    except BrokenPipeError:  # its reader has seen enough, as in `… --help | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _answer(asked: Mapping[str, str | None]) -> str:
    """The answer to a command that asks for text of ours; empty if it asks for something else."""
    if "--version" in asked:
        return metadata.version("jaxac")
    if "--explain" in asked:
        return explain.one(asked["--explain"] or "")
    return explain.overview() if "--help" in asked else ""


def prepare(arguments: list[str]) -> tuple[list[str], list[Path]]:
    """Checks a whole command line, as far as that goes without a directory and without compiling.

    Returns:
        The arguments for Hydra, and the directories that it will make.

    Raises:
        ConfigError: if something cannot work.
    """
    rewritten = overrides.rewrite(arguments)
    line = options.parse(rewritten)
    leading = team.current()
    mine = leading.place if leading else None
    agreement.check_jobs(line.is_sweep, mine)
    if not line.trains or line.has_own_files:
        return rewritten, []
    checked = check.check(line.overrides, line.is_sweep)
    for config in checked.configs:
        agreement.check_config(config, mine)
    _check_foreign_parts(checked)
    return [*rewritten, checked.place], checked.made


def _check_foreign_parts(checked: Checked) -> None:
    """Tries the user's own parts and environments of other suites, before there is a directory."""
    if any(config.has_foreign_parts for config in checked.configs):
        from jaxac.runs import ready  # the first import of JAX

        ready.check(checked.configs, checked.how, checked.by_workers)


def _leave(exit_code: int) -> NoReturn:
    """Ends the process without waiting for what still runs in the background, such as a compilation."""
    if leading := team.current():
        leading.end(exit_code)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(exit_code)


def _fail(error: ConfigError | DivergedError | RunError | SystemExit) -> NoReturn:
    if isinstance(error, SystemExit):
        raise error
    print(f"jaxac: {error}", file=sys.stderr)
    sys.exit(error.exit_code)


if __name__ == "__main__":
    from jaxac.train import main as importable_main  # job launchers pickle the task, which __main__ forbids

    with collected_seldom():
        importable_main()
