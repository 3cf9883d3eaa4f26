"""The command line as users type it, rewritten for Hydra."""

from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import OverrideParseException

from jaxac.config import compose
from jaxac.config.compose import key_of
from jaxac.errors import ConfigError
from jaxac.storage import lock, records, run_directory

_MULTIRUN = {"-m", "--multirun"}
_OPTUNA = ("hydra.sweeper.direction=maximize", "hydra.sweeper.max_failure_rate=1.0")


def rewrite(arguments: list[str]) -> list[str]:
    """The command line's arguments, rewritten for Hydra.

    * Settings are spelled as :func:`jaxac.config.compose.spell` says.
    * ``hydra/sweeper=optuna`` maximizes what a job returns, and a trial that diverges fails by itself.
    * ``resume=PATH`` becomes the run's own overrides, its directory, and the other arguments.

    Raises:
        ConfigError: if ``resume`` names no run, ``hydra.run.dir`` already holds one, or a sweep has no jobs.
    """
    keys = {key_of(argument): argument for argument in arguments if "=" in argument}
    if "resume" in keys and _value(keys["resume"]) not in ("", "null"):
        return _resume(arguments, _value(keys["resume"]))
    if "hydra.run.dir" in keys:
        run_directory.refuse_if_run(Path(_value(keys["hydra.run.dir"])))
    if _MULTIRUN & set(arguments):
        _refuse_empty(arguments)
    return _choose(arguments)


def _choose(arguments: list[str]) -> list[str]:
    spelled = compose.spell(arguments)
    if "hydra/sweeper=optuna" in arguments:
        given = {key_of(argument) for argument in arguments}
        spelled += [default for default in _OPTUNA if key_of(default) not in given]
    return spelled


def _refuse_empty(arguments: list[str]) -> None:
    """Raises ConfigError if an argument sweeps over nothing, for which Hydra makes neither a job nor an error."""
    parser = OverridesParser.create()
    for argument in arguments:
        if "=" not in argument or argument.startswith("-"):
            continue
        try:
            override = parser.parse_override(argument)
        except OverrideParseException:
            return  # Hydra reports what is wrong with it
        if override.is_sweep_override() and override.is_discrete_sweep() and not list(override.sweep_iterator()):
            raise ConfigError(f"{argument} makes a sweep of no jobs; give at least one value.")


def _resume(arguments: list[str], value: str) -> list[str]:
    if run_directory.holds_sweep(Path(value).expanduser()):
        return _resume_sweep([argument for argument in arguments if argument not in _MULTIRUN], value)
    if _MULTIRUN & set(arguments):
        raise ConfigError(f"resume={value} resumes a single run; leave out -m.")
    directory, checkpoint = run_directory.locate(value)
    return [
        *_repeat(directory / run_directory.OVERRIDES, arguments, place="hydra.run.dir"),
        f"resume={_quote(str(checkpoint or directory))}",
        f"hydra.run.dir={_quote(str(directory))}",
        "hydra.output_subdir=null",  # keep the record of how the run was started
    ]


def _resume_sweep(arguments: list[str], value: str) -> list[str]:
    """The sweep's own overrides, its directory, and the other arguments."""
    directory = Path(value).expanduser().resolve()
    lock.acquire(directory)  # until the process ends
    return [
        "-m",
        *_repeat(directory / run_directory.SWEEP, arguments, place="hydra.sweep.dir"),
        f"resume={_quote(str(directory))}",
        f"hydra.sweep.dir={_quote(str(directory))}",
    ]


def _repeat(record: Path, arguments: list[str], place: str) -> list[str]:
    """The overrides in the file ``record``, except those that ``arguments`` replace, then ``arguments``.

    ``resume`` and ``place`` are left out of both, because the caller adds its own.
    """
    where = {"resume", place}
    given = [argument for argument in arguments if key_of(argument) not in where]
    replaced = where.union(map(key_of, given))
    saved = records.read_overrides(record)
    return _choose([override for override in saved if key_of(override) not in replaced] + given)


def _value(argument: str) -> str:
    return argument.split("=", 1)[1].strip("'\"")


def _quote(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
