"""The command line as users type it, rewritten for Hydra."""

from pathlib import Path

from jaxac.cli import options, search
from jaxac.cli.options import CommandLine
from jaxac.config import compose, reading
from jaxac.config.settings import key_of
from jaxac.config.words import shorten
from jaxac.errors import ConfigError
from jaxac.storage import lock, records, run_directory


def rewrite(arguments: list[str]) -> list[str]:
    """The command line's arguments, rewritten for Hydra: options first, then settings.

    * Settings are spelled as :func:`jaxac.config.compose.spell` says.
    * ``hydra/sweeper=optuna`` gets what :func:`jaxac.cli.search.defaults` says.
    * ``resume=PATH`` becomes the run's own overrides, its directory, and the other arguments.

    Raises:
        ConfigError: if an argument cannot be read, ``resume`` names no run, or ``hydra.run.dir`` already holds one.
    """
    line = options.parse(arguments)
    keys = {key_of(text): text for text in line.overrides if "=" in text}
    if line.has_own_files:
        return line.with_overrides(_choose(line.overrides))
    if "resume" in keys and _value(keys["resume"]) not in ("", "null"):
        return _resume(line, _value(keys["resume"]))
    if "hydra.run.dir" in keys:
        _refuse_if_run(_value(keys["hydra.run.dir"]))
    return line.with_overrides(_choose(reading.check(line.overrides, sweep=line.is_sweep)))


def _refuse_if_run(value: str) -> None:
    try:
        if Path(value).is_dir():
            run_directory.refuse_if_run(Path(value))
    except (OSError, ValueError):
        return  # no place for a run either, as is said when all has been composed


def _choose(arguments: list[str]) -> list[str]:
    return [*compose.spell(arguments), *search.defaults(arguments)]


def _resume(line: CommandLine, value: str) -> list[str]:
    given = [text for text in line.overrides if key_of(text) != "resume"]
    given = reading.check(given, sweep=True)
    try:
        if run_directory.holds_sweep(Path(value).expanduser()):
            return line._replace(options=line.options | {"--multirun": None}).with_overrides(_of_sweep(given, value))
        if line.is_sweep:
            raise ConfigError(f"resume={shorten(value)} resumes a single run; leave out -m.")
        return line.with_overrides(_of_run(given, value))
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no path"
        raise ConfigError(f"resume={shorten(value)} cannot be read: {reason}; give the directory of a run.") from None


def _of_run(arguments: list[str], value: str) -> list[str]:
    """The run's own overrides, its directory, and the other arguments."""
    directory, checkpoint = run_directory.locate(value)
    return [
        *_repeat(records.read_overrides(directory / run_directory.OVERRIDES), arguments, place="hydra.run.dir"),
        f"resume={reading.quote(str(checkpoint or directory))}",
        f"hydra.run.dir={reading.quote(str(directory))}",
        "hydra.output_subdir=null",  # keep the record of how the run was started
    ]


def _of_sweep(arguments: list[str], value: str) -> list[str]:
    """The sweep's own overrides, its directory, and the other arguments."""
    directory = Path(value).expanduser().resolve()
    lock.acquire(directory)  # until the process ends
    saved = records.read_overrides(directory / run_directory.SWEEP)
    search.check_resumed(saved, arguments, value)
    return [
        *_repeat(saved, arguments, place="hydra.sweep.dir"),
        f"resume={reading.quote(str(directory))}",
        f"hydra.sweep.dir={reading.quote(str(directory))}",
    ]


def _repeat(saved: list[str], arguments: list[str], place: str) -> list[str]:
    """The overrides that were ``saved``, except those that ``arguments`` replace, then ``arguments``.

    ``resume`` and ``place`` are left out of both, because the caller adds its own.
    """
    where = {"resume", place}
    given = [argument for argument in arguments if key_of(argument) not in where]
    replaced = where.union(map(key_of, given))
    return _choose([override for override in saved if key_of(override) not in replaced] + given)


def _value(argument: str) -> str:
    return argument.split("=", 1)[1].strip("'\"")
