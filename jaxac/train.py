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

from jaxac import config as configuration
from jaxac import run_directory
from jaxac.command_line import rewrite
from jaxac.errors import ConfigError, Diverged

_PACKAGED = Path(__file__).parent / "conf"
CONF = str(_PACKAGED if _PACKAGED.is_dir() else Path(__file__).parents[1] / "conf")

OmegaConf.register_new_resolver("jaxac.unique", functools.partial(secrets.token_hex, 3), use_cache=True, replace=True)


@hydra.main(version_base="1.3", config_path=CONF, config_name="config")
def job(cfg: DictConfig) -> float | None:
    """One job of Hydra's: a training run in Hydra's output directory.

    Returns:
        The mean return of the final evaluation; None where the run was stopped before it.
    """
    raw = OmegaConf.to_container(cfg, resolve=True)
    assert isinstance(raw, dict)
    config = configuration.resolve({str(key): value for key, value in raw.items()})
    hydra_config = HydraConfig.get()
    directory = Path(hydra_config.runtime.output_dir)
    overrides = list(hydra_config.overrides.task)
    group = Path(hydra_config.sweep.dir).name if hydra_config.mode == RunMode.MULTIRUN else None
    run = run_directory.open_run(config, directory, overrides)

    from jaxac import runner  # the first import of JAX

    return runner.train(config, run, group)


def main() -> None:
    """The entry point; a mistake in the configuration ends it with one sentence and exit code 2."""
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")  # let Hydra's own errors reach us, to be told in one sentence
    try:
        sys.argv[1:] = rewrite(sys.argv[1:])
        job()
    except (ConfigError, HydraException, OmegaConfBaseException) as error:
        _fail(_one_sentence(error), code=2)
    except Diverged as error:
        _fail(str(error), code=1)
    except OSError as error:
        _fail(f"{error.filename or 'output'}: {error.strerror or error}; choose another with hydra.run.dir=…", code=2)
    except KeyboardInterrupt:
        _fail("interrupted before training began.", code=130)


def _one_sentence(error: Exception) -> str:
    return " ".join(str(error).split())


def _fail(sentence: str, code: int) -> NoReturn:
    print(f"jaxac: {sentence}", file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    from jaxac.train import main as importable_main  # job launchers pickle the task, which __main__ forbids

    importable_main()
