"""Checks of the settings of Hydra's launchers and sweepers, and of ours."""

from collections.abc import Mapping, Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf

from jaxac.config.schema import Config
from jaxac.config.words import join, show
from jaxac.errors import ConfigError
from jaxac.workers import settings as workers


def check(master: DictConfig) -> None:
    """Raises ConfigError if the settings of Hydra's launcher or sweeper cannot work."""
    verbose = OmegaConf.to_container(master.hydra, resolve=False)["verbose"]  # type: ignore[call-overload, index]
    if not all(isinstance(each, bool | str) for each in (verbose if isinstance(verbose, list) else [verbose])):
        raise ConfigError(f"hydra.verbose={show(verbose)} is not valid: give true, false, or names of loggers.")
    for section in _LAUNCH:
        found = OmegaConf.select(master, section)
        if not isinstance(found, DictConfig):
            name = section.replace(".", "/")
            raise ConfigError(f"{section}={show(found)} is not valid: it is a section; choose one by {name}=NAME.")
        given: Any = OmegaConf.to_container(found, resolve=False)
        check_section(section, given)


def check_workers(master: DictConfig, configs: Sequence[Config]) -> bool:
    """True if other processes are to train the jobs of a sweep.

    Args:
        master: Hydra's configuration of the sweep.
        configs: the jobs' configurations.

    Raises:
        ConfigError: if they cannot.
    """
    launcher = master.hydra.launcher
    if "executor" not in launcher or workers.in_process(launcher.executor, launcher.workers):
        return False
    workers.check(launcher.executor, launcher.workers, master.hydra.sweeper.get("n_jobs"), configs)
    return True


def check_section(section: str, given: Mapping[str, Any]) -> None:
    """Raises ConfigError if settings of Hydra's launcher or sweeper cannot work.

    Args:
        section: ``hydra.launcher`` or ``hydra.sweeper``.
        given: its settings by name, without the section's.
    """
    for name, (works, fix) in _LAUNCH[section].items():
        outer, _, inner = name.partition(".")
        found = given.get(outer) if inner else given
        if isinstance(found, Mapping) and (inner or outer) in found and not works(found[inner or outer]):
            raise ConfigError(f"{section}.{name}={show(found[inner or outer])} is not valid: {fix}.")


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value < 2**31


def _is_section(value: Any) -> bool:
    return isinstance(value, Mapping)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 2**31


def _is_direction(value: Any) -> bool:
    return str(getattr(value, "name", value)) in ("minimize", "maximize")


_HOW = ["auto", "vmap", "cores", "blocks"]
_LAUNCH: dict[str, dict[str, tuple[Any, str]]] = {
    "hydra.launcher": {
        "max_lanes": (_is_count, "give at least 1"),
        "how": (_HOW.__contains__, f"choose {join(_HOW)}"),
        "n_jobs": (lambda value: _is_count(value) or value == -1, "give at least 1, or -1 for all cores"),
        "executor": (workers.EXECUTORS.__contains__, f"choose {join(workers.EXECUTORS)}"),
        "workers": (_is_count, "give at least 1"),
        "retries": (lambda value: value == 0 or _is_count(value), "give a whole number, at least 0"),
        "ray": (_is_section, "it is a section; give its settings, as in hydra.launcher.ray.num_cpus=2"),
        "submitit": (_is_section, "it is a section; give its settings, as in hydra.launcher.submitit.timeout_min=60"),
        "ray.address": (lambda value: value is None or isinstance(value, str), "give HOST:PORT, auto, or null"),
        "ray.num_cpus": (lambda value: value is None or _is_count(value), "give at least 1, or null"),
        "ray.num_gpus": (lambda value: value is None or _is_number(value), "give a number, at least 0, or null"),
    },
    "hydra.sweeper": {
        "max_batch_size": (lambda value: value is None or _is_count(value), "give at least 1, or null"),
        "n_trials": (_is_count, "give at least 1"),
        "n_jobs": (_is_count, "give at least 1"),
        "direction": (_is_direction, "choose minimize or maximize"),
        "max_failure_rate": (
            lambda value: isinstance(value, int | float) and 0 <= value <= 1,
            "give a number from 0 to 1",
        ),
    },
}
"""Values of launchers and sweepers, which their own packages would refuse by a traceback, or after training."""
