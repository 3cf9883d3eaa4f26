"""Spellings that users type, rewritten to those that Hydra takes."""

from pathlib import Path

import yaml

from jaxac import run_directory
from jaxac.errors import ConfigError

_PREFIXES = "+~"


def rewrite(arguments: list[str]) -> list[str]:
    """The arguments for Hydra.

    * ``algo=a2c`` and ``experiment=…`` become ``+algo=a2c``, ``+experiment=…``: neither has a default to override.
      An experiment chooses an algorithm itself, so beside one ``+algo=`` becomes ``algo=``.
    * ``env.params.NAME=…`` becomes ``++env.params.NAME=…``: the environment's defaults are not in the configuration.
    * ``resume=PATH`` becomes the run's own overrides, its directory, and whatever else was given.

    Raises:
        ConfigError: if ``resume`` names no run, or ``hydra.run.dir`` one that exists.
    """
    keys = {_key(argument): argument for argument in arguments if "=" in argument}
    if "resume" in keys and _value(keys["resume"]) not in ("", "null"):
        return _resume(arguments, _value(keys["resume"]))
    if "hydra.run.dir" in keys:
        run_directory.refuse_if_run(Path(_value(keys["hydra.run.dir"])))
    return _choose(arguments)


def _choose(arguments: list[str]) -> list[str]:
    has_experiment = any(_key(argument) == "experiment" for argument in arguments if "=" in argument)

    def spell(argument: str) -> str:
        key = _key(argument) if "=" in argument else ""
        if key == "env.params" or key.startswith("env.params."):
            return "++" + argument.lstrip(_PREFIXES)
        if key == "experiment" or (key == "algo" and not has_experiment):
            return "+" + argument.lstrip(_PREFIXES)
        return argument.lstrip(_PREFIXES) if key == "algo" else argument

    return [spell(argument) for argument in arguments]


def _resume(arguments: list[str], value: str) -> list[str]:
    multirun = {"-m", "--multirun"}
    if run_directory.holds_sweep(Path(value).expanduser()):
        return _resume_sweep([argument for argument in arguments if argument not in multirun], value)
    if multirun & set(arguments):
        raise ConfigError(f"resume={value} goes on with one run; leave out -m.")
    directory, checkpoint = run_directory.locate(value)
    rest = [argument for argument in arguments if _key(argument) not in ("resume", "hydra.run.dir")]
    given = {_key(argument) for argument in rest}
    saved = yaml.safe_load((directory / run_directory.OVERRIDES).read_text()) or []
    kept = [override for override in saved if _key(override) not in given]
    return [
        *_choose(kept + rest),
        f"resume={_quote(str(checkpoint or directory))}",
        f"hydra.run.dir={_quote(str(directory))}",
        "hydra.output_subdir=null",  # keep the record of how the run was started
    ]


def _resume_sweep(arguments: list[str], value: str) -> list[str]:
    """The sweep's own overrides, its directory, and whatever else was given."""
    directory = Path(value).expanduser().resolve()
    rest = [argument for argument in arguments if _key(argument) not in ("resume", "hydra.sweep.dir")]
    given = {_key(argument) for argument in rest}
    saved = yaml.safe_load((directory / run_directory.SWEEP).read_text()) or []
    kept = [override for override in saved if _key(override) not in {*given, "resume", "hydra.sweep.dir"}]
    place = [f"resume={_quote(str(directory))}", f"hydra.sweep.dir={_quote(str(directory))}"]
    return ["-m", *_choose(kept + rest), *place]


def without_choices(overrides: list[str]) -> list[str]:
    """Without those that choose an algorithm or an experiment: what is left tells the jobs of a sweep apart."""
    return [text for text in overrides if _key(text) not in ("algo", "experiment")]


def _key(argument: str) -> str:
    return argument.split("=", 1)[0].lstrip(_PREFIXES).split("@")[0]


def _value(argument: str) -> str:
    return argument.split("=", 1)[1].strip("'\"")


def _quote(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
