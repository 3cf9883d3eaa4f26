"""``python -m jaxac.train +algo=a2c …``: composes the configuration, trains, returns what a sweeper optimizes.

Nothing here imports JAX before the configuration has been found good.
"""

import dataclasses
import functools
import os
import secrets
import sys
from pathlib import Path
from typing import NoReturn

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from jaxac import command_line, hydra_errors
from jaxac.config import validation
from jaxac.config.schema import Config
from jaxac.errors import ConfigError, DivergedError
from jaxac.storage import events, run_directory

_PACKAGED = Path(__file__).parent / "conf"
CONF = str(_PACKAGED if _PACKAGED.is_dir() else Path(__file__).parents[1] / "conf")

_PLUGINS = str(Path(__file__).with_name("plugins"))
if _PLUGINS not in sys.path:
    sys.path.append(_PLUGINS)  # where Hydra finds the launcher: it takes classes from hydra_plugins.* only

OmegaConf.register_new_resolver("jaxac.unique", functools.partial(secrets.token_hex, 3), use_cache=True, replace=True)


def to_config(cfg: DictConfig) -> Config:
    """What Hydra composed, checked.

    Raises:
        ConfigError: naming the first setting that cannot work, its value and the fix.
    """
    raw = OmegaConf.to_container(cfg, resolve=True)
    assert isinstance(raw, dict)
    return validation.resolve({str(key): value for key, value in raw.items()})


def open_job(cfg: DictConfig) -> run_directory.Opened:
    """Checks what Hydra composed for its current job, and begins or finds again the run in the job's directory.

    Raises:
        ConfigError: naming what cannot work.
    """
    hydra_config = HydraConfig.get()
    multirun = hydra_config.mode == RunMode.MULTIRUN
    config, directory = to_config(cfg), Path(hydra_config.runtime.output_dir)
    if multirun and config.resume is not None:  # the sweep's directory: of its jobs, some may not have begun
        config = dataclasses.replace(config, resume=str(directory) if run_directory.has_begun(directory) else None)
    config = _with_artifacts(config, by_default=not multirun)
    events.check(config)
    overrides = [text for text in hydra_config.overrides.task if not (multirun and text.startswith("resume="))]
    run = run_directory.open_run(config, directory, overrides)
    return run_directory.Opened(config, run, overrides, Path(hydra_config.sweep.dir).name if multirun else None)


def _with_artifacts(config: Config, by_default: bool) -> Config:
    curve, gif = (by_default if asked is None else asked for asked in (config.logger.curve, config.logger.gif))
    return dataclasses.replace(config, logger=dataclasses.replace(config.logger, curve=curve, gif=gif))


@hydra.main(version_base="1.3", config_path=CONF, config_name="config")
def job(cfg: DictConfig) -> float | None:
    """One job of Hydra's: a training run in Hydra's output directory.

    Returns:
        The mean return of the final evaluation; None where the run was stopped before it.
    """
    try:
        opened = open_job(cfg)

        from jaxac.runs import runner  # the first import of JAX

        return runner.train(opened)
    except (ConfigError, DivergedError) as error:
        if HydraConfig.get().mode == RunMode.MULTIRUN:
            raise  # the other jobs go on
        _fail(error)


def main() -> None:
    """The entry point; a mistake in the configuration ends it with one sentence and exit code 2."""
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")  # let Hydra's own errors reach us, to be told in one sentence
    try:
        sys.argv[1:] = command_line.rewrite(sys.argv[1:])
        job()
    except (ConfigError, DivergedError) as error:
        _fail(error)
    except (HydraException, OmegaConfBaseException) as error:
        _fail(ConfigError(hydra_errors.explain(error, CONF)))
    except OSError as error:
        if error.filename is None:
            raise
        _fail(
            ConfigError(f"cannot write {error.filename}: {error.strerror}; choose another place with hydra.run.dir=…")
        )
    except KeyboardInterrupt:
        sys.exit(130)


def _fail(error: ConfigError | DivergedError) -> NoReturn:
    print(f"jaxac: {error}", file=sys.stderr)
    sys.exit(error.exit_code)


if __name__ == "__main__":
    from jaxac.train import main as importable_main  # job launchers pickle the task, which __main__ forbids

    importable_main()
