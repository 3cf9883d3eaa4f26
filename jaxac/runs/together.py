"""The leader's part in what several processes train together; in a single process all of it does nothing."""

import contextlib
from contextlib import AbstractContextManager
from typing import Any

from jaxac.config import suites
from jaxac.config.schema import Config
from jaxac.devices import host, machine, processes
from jaxac.distributed import agreement, team
from jaxac.distributed.agreement import Meeting
from jaxac.programs.executor import Executor
from jaxac.programs.executors import Pooled
from jaxac.programs.led import Led
from jaxac.runs.run import Run
from jaxac.runs.signals import StopRequest
from jaxac.storage import provenance, run_directory


def about() -> dict[str, Any]:
    """All that the others need to know of this process, to see whether it would train the same run bit for bit."""
    code = provenance.describe()["git"].get("jaxac") or {}
    versions = {**machine.versions(suites.SUITES), "the code of commit": code.get("commit")}
    return {**host.about(), "versions": versions}


def gather(config: Config) -> bool:
    """Joins the followers, before JAX looks for devices; a second call changes nothing.

    Args:
        config: the configuration to train.

    Returns:
        True if there are followers, so that the process has been set up.

    Raises:
        ConfigError: if one does not come, or would not train the same run bit for bit.
    """
    leading = team.current()
    if leading is None:
        return False
    agreement.check_config(config, leading.place)
    meeting = leading.meet(about(), run_directory.as_dict(config))
    if meeting:
        join(config, meeting)
    return True


def join(config: Config, meeting: Meeting) -> None:
    """Sets up the process, and joins the others; returns once all have.

    Args:
        config: the configuration to train.
        meeting: how to join.
    """
    machine.use_cores(share=meeting.share)
    if machine.has_accelerator():
        processes.tune_alone()
    machine.enable_compilation_cache(config.compilation_cache)
    processes.join(meeting)


def heeding(stop: StopRequest) -> AbstractContextManager[None]:
    """Has signals that followers are sent stop the run, while the block runs."""
    leading = team.current()
    return leading.heeding(stop.heed) if leading else contextlib.nullcontext()


def begin(run: Run) -> None:
    """Has the followers compile a run's program, and start where it starts."""
    if leading := team.current():
        content = run.start.state if run.start else b""
        leading.call("train", run_directory.as_dict(run.config), content=content)


def led(executor: Pooled) -> Executor[Any, Any]:
    """The executor, whose calls the followers make, too."""
    leading = team.current()
    return Led(executor, leading.call, leading.fail) if leading else executor
