"""The whole check of a command before Hydra starts its jobs, so that a refused one leaves nothing behind."""

import itertools
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.types import Override, RangeSweep
from hydra.core.utils import setup_globals
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict

from jaxac.cli import launch, places, sweep_configs
from jaxac.config import hydra_errors, reading
from jaxac.config.compose import CONF, to_config
from jaxac.config.hydra_context import hydra_on
from jaxac.config.schema import Config
from jaxac.config.words import SPELLED, shorten
from jaxac.errors import ConfigError
from jaxac.storage import events

MOST_JOBS = 10_000
"""The most jobs of one sweep: each has a directory and a line of output."""


class Checked(NamedTuple):
    """The result of a command's check."""

    configs: list[Config]
    """The jobs' configurations."""
    made: list[Path]
    """Directories that the command will make, innermost last."""
    place: str
    """The override that names the innermost, whose default holds the time."""
    how: str | None
    """The value of ``hydra.launcher.how`` for jobs that are trained together; None for one by one."""
    by_workers: bool = False
    """True if other processes train them."""


def check(overrides: Sequence[str], sweep: bool) -> Checked:
    """Composes and checks every job of a command.

    Args:
        overrides: the overrides, spelled for Hydra.
        sweep: True for the jobs of a sweep.

    Raises:
        ConfigError: on the first thing that cannot work, in one sentence.
    """
    _check_sweeps(overrides, sweep)
    with hydra_on(CONF):
        loader = GlobalHydra.instance().config_loader()
        setup_globals()
        mode = RunMode.MULTIRUN if sweep else RunMode.RUN
        try:
            master = loader.load_configuration("config", list(overrides), mode)
        except Exception as error:  # Hydra's and OmegaConf's own, and what they do not catch
            raise ConfigError(hydra_errors.explain(error, overrides)) from None
        launch.check(master)
        if not sweep:
            return _check_run(master, overrides)
        return _check_sweep(loader, master, overrides)


def _check_run(cfg: DictConfig, overrides: Sequence[str]) -> Checked:
    config = _job(OmegaConf.masked_copy(cfg, [str(key) for key in cfg if key != "hydra"]), overrides)
    directory = _text(cfg, "hydra.run.dir")
    made = places.check("hydra.run.dir", directory)
    return Checked([config], made, f"hydra.run.dir={reading.quote(directory)}", None)


def _job(task: DictConfig, overrides: Sequence[str]) -> Config:
    """The checked configuration of one job, from what Hydra composed without its own settings."""
    config = to_config(task, overrides)
    if config.compilation_cache not in (None, "auto"):
        places.check("compilation_cache", config.compilation_cache)
    events.check(config)
    return config


def _check_sweep(loader: Any, master: DictConfig, overrides: Sequence[str]) -> Checked:
    place = _text(master, "hydra.sweep.dir")
    made = places.check("hydra.sweep.dir", place)
    sweep_configs.compose_once(loader)
    configs: list[Config] = []
    directories: dict[str, int] = {}
    jobs = list(_jobs(master, overrides))
    for number, job in enumerate(jobs):
        name = " ".join(text for text in job if not all(text in other for other in jobs)) or " ".join(job)
        try:
            cfg = loader.load_sweep_config(master, list(job))
            with open_dict(cfg):
                cfg.hydra.job.id = cfg.hydra.job.num = number
            directory = _text(cfg, "hydra.sweep.subdir")
            with open_dict(cfg):
                del cfg["hydra"]
            configs.append(_job(cfg, job))
        except ConfigError as error:
            raise ConfigError(f"job {number} ({shorten(name)}): {error}" if len(jobs) > 1 else str(error)) from None
        except Exception as error:
            raise ConfigError(hydra_errors.explain(error, job)) from None
        if not directory.strip() or directory in directories:
            before = directories.get(directory, number)
            raise ConfigError(
                f"hydra.sweep.subdir={shorten(directory)} is the directory of job {before} and of job {number}, and "
                "each needs one of its own; leave it out, or use ${hydra.job.num} in it."
            )
        directories[directory] = number
    by_workers = launch.check_workers(master, configs)
    how = master.hydra.launcher.get("how")
    return Checked(configs, made, f"hydra.sweep.dir={reading.quote(place)}", how, by_workers)


def _jobs(master: DictConfig, overrides: Sequence[str]) -> Iterator[Sequence[str]]:
    """The overrides of every job of a sweep; of a search, of the first values that it may choose."""
    values: dict[str, list[str]] = {}
    searches = "optuna" in str(master.hydra.sweeper.get("_target_", ""))
    given = [f"{name}={value}" for name, value in (master.hydra.sweeper.get("params") or {}).items()]
    for text in [*given, *overrides]:
        override = reading.parse(text)
        if override is None or override.is_hydra_override():
            continue
        key = override.get_key_element()
        if not override.is_sweep_override():
            values[key] = [f"{key}={override.get_value_element_as_str()}"]
        elif override.is_discrete_sweep():
            several = [f"{key}={value}" for value in _several(override)]
            values[key] = several[:1] if searches else several
        elif searches:
            continue
        else:
            raise ConfigError(f"{shorten(text)} is a range to search; add hydra/sweeper=optuna, or list values.")
    yield from itertools.product(*values.values())


_TYPED = {str(value): text for value, text in SPELLED.items()}
"""Values as they are typed, by how Hydra writes them."""


def _several(override: Override) -> list[str]:
    try:
        return [_TYPED.get(text, text) for text in override.sweep_string_iterator()]
    except Exception:
        name = override.key_or_group
        raise ConfigError(f"{shorten(override.input_line or name)} cannot be read; give {name}=A,B.") from None


def _check_sweeps(overrides: Sequence[str], sweep: bool) -> None:
    """Raises ConfigError if an override sweeps over nothing, or all of them together over too much."""
    total = 1
    for text in overrides:
        override = reading.parse(text)
        if override is None or not override.is_sweep_override() or not override.is_discrete_sweep():
            continue
        count = _count(override)
        if count == 0 and sweep:
            raise ConfigError(f"{shorten(text)} makes a sweep of no jobs; give at least one value.")
        total *= count
        if total > MOST_JOBS:
            raise ConfigError(f"{shorten(text)} makes a sweep of {total} jobs; give at most {MOST_JOBS}.")


def _count(override: Override) -> int:
    """The number of values of an override."""
    values = override.value()
    if isinstance(values, RangeSweep):
        start, stop, step = (float(each or 0) for each in (values.start, values.stop, values.step))
        finite = math.isfinite(start) and math.isfinite(stop) and step and math.isfinite(step)
        return max(0, math.ceil((stop - start) / step)) if finite else 0
    return len(_several(override))


def _text(cfg: DictConfig, name: str) -> str:
    """The text of one of Hydra's own settings, worked out."""
    try:
        value = OmegaConf.select(cfg, name)
    except Exception as error:
        raise ConfigError(hydra_errors.explain(error, [f"{name}=…"])) from None
    if value is None:
        raise ConfigError(f"{name}=null is not valid: give a directory, or leave it out.")
    return str(value)
