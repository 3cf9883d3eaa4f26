"""``python -m jaxac.train +algo=a2c …``: composes the configuration, trains, returns what a sweeper optimizes.

Nothing here imports JAX before the configuration has been found good.
"""

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

from jaxac import events, hydra_errors, run_directory, validation
from jaxac.command_line import rewrite
from jaxac.config import Config
from jaxac.errors import ConfigError, DivergedError

_PACKAGED = Path(__file__).parent / "conf"
CONF = str(_PACKAGED if _PACKAGED.is_dir() else Path(__file__).parents[1] / "conf")

OmegaConf.register_new_resolver("jaxac.unique", functools.partial(secrets.token_hex, 3), use_cache=True, replace=True)


def to_config(cfg: DictConfig) -> Config:
    """What Hydra composed, checked.

    Raises:
        ConfigError: naming the first setting that cannot work, its value and the fix.
    """
    raw = OmegaConf.to_container(cfg, resolve=True)
    assert isinstance(raw, dict)
    return validation.resolve({str(key): value for key, value in raw.items()})


@hydra.main(version_base="1.3", config_path=CONF, config_name="config")
def job(cfg: DictConfig) -> float | None:
    """One job of Hydra's: a training run in Hydra's output directory.

    Returns:
        The mean return of the final evaluation; None where the run was stopped before it.
    """
    hydra_config = HydraConfig.get()
    multirun = hydra_config.mode == RunMode.MULTIRUN
    try:
        config = to_config(cfg)
        events.check(config)
        overrides = list(hydra_config.overrides.task)
        run = run_directory.open_run(config, Path(hydra_config.runtime.output_dir), overrides)

        from jaxac import runner  # the first import of JAX

        return runner.train(config, run, Path(hydra_config.sweep.dir).name if multirun else None)
    except (ConfigError, DivergedError) as error:
        if multirun:
            raise  # the other jobs go on
        _fail(error)


def main() -> None:
    """The entry point; a mistake in the configuration ends it with one sentence and exit code 2."""
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")  # let Hydra's own errors reach us, to be told in one sentence
    try:
        sys.argv[1:] = rewrite(sys.argv[1:])
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
