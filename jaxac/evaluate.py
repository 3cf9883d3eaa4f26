"""``python -m jaxac.evaluate RUN``: evaluates a trained policy on fresh episodes.

    python -m jaxac.evaluate outputs/2026-01-31/12-00-00-3f9a1c episodes=1000 greedy=true
    python -m jaxac.evaluate RUN best=true env.params.max_steps_in_episode=200
    python -m jaxac.evaluate RUN --gif episode.gif

RUN is the directory of a run, one of its checkpoints, or one of its files of weights. Settings:

    episodes=N            number of episodes; the run's evaluation.episodes if not given
    greedy=true|false     the most probable actions, or sampled ones; the run's evaluation.greedy if not given
    seed=N                seed of the episodes; the run's seed if not given
    best=true             the policy of the best evaluation rather than the newest
    env.params.NAME=V     parameters of the environment to change
"""

import sys
from pathlib import Path
from typing import Any, NoReturn

import yaml

from jaxac.devices.garbage import collected_seldom
from jaxac.errors import ConfigError, RunError

_TYPES = {"episodes": int, "greedy": bool, "seed": int, "best": bool}
_EXAMPLES = {int: "a whole number", bool: "true or false"}
_ENV_PARAMS = "env.params."


def main() -> None:
    """The command's entry point; a mistake ends it with one sentence and exit code 2."""
    arguments = sys.argv[1:]
    if not arguments or {"-h", "--help"} & set(arguments):
        print(__doc__)
        sys.exit(0 if arguments else 2)
    try:
        for line in run(arguments):
            print(line)
    except (ConfigError, RunError) as error:
        _fail(error)


def run(arguments: list[str]) -> list[str]:
    """Evaluates as the command line says.

    Args:
        arguments: the command line, without the program's name.

    Returns:
        The lines to print.

    Raises:
        ConfigError: if an argument cannot work.
    """
    arguments, gif = _take_gif(arguments)
    paths = [text for text in arguments if "=" not in text or Path(text).exists()]
    if len(paths) != 1:
        raise ConfigError(f"give one run, not {len(paths)}: python -m jaxac.evaluate DIRECTORY episodes=1000.")
    settings = _settings([text for text in arguments if text not in paths])

    from jaxac import api  # the first import of JAX

    policy = api.load(paths[0], best=settings.pop("best", False))
    evaluation = api.evaluate(policy, **settings)
    how = "most probable" if settings.get("greedy", policy.config.evaluation.greedy) else "sampled"
    lines = [
        f"{policy.config.algo.name.upper()} on {policy.config.env.name}: return {evaluation.mean:.1f} ± "
        f"{evaluation.std:.1f} over {len(evaluation.returns)} episodes, {how} actions "
        f"(lowest {evaluation.returns.min():.1f}, highest {evaluation.returns.max():.1f})"
    ]
    return [*lines, f"an episode in {_draw(policy, gif, settings)}"] if gif else lines


def _take_gif(arguments: list[str]) -> tuple[list[str], Path | None]:
    """The arguments without ``--gif FILE``, and the file."""
    if "--gif" not in arguments:
        options = [text for text in arguments if text.startswith("-")]
        if options:
            raise ConfigError(f"{options[0]} is not an option; settings are written episodes=1000, without dashes.")
        return arguments, None
    place = arguments.index("--gif")
    if place + 1 == len(arguments):
        raise ConfigError("--gif needs a file to write: --gif episode.gif.")
    return arguments[:place] + arguments[place + 2 :], Path(arguments[place + 1])


def _settings(arguments: list[str]) -> dict[str, Any]:
    """The arguments of :meth:`jaxac.agent.policy.Policy.evaluate` by name, and ``best``."""
    settings: dict[str, Any] = {}
    for text in arguments:
        name, _, value = text.lstrip("+").partition("=")
        name = name.removeprefix("evaluation.")
        if name.startswith(_ENV_PARAMS):
            settings.setdefault("env_params", {})[name.removeprefix(_ENV_PARAMS)] = _parse(text, value)
        elif name not in _TYPES:
            raise ConfigError(f"{name} is not a setting; there are {', '.join(_TYPES)} and {_ENV_PARAMS}NAME.")
        else:
            settings[name] = _parse(text, value)
            if type(settings[name]) is not _TYPES[name]:
                raise ConfigError(f"{text} is not valid: give {_EXAMPLES[_TYPES[name]]}.")
    return settings


def _parse(text: str, value: str) -> Any:
    try:
        return yaml.safe_load(value)
    except yaml.YAMLError:
        raise ConfigError(f"{text} is not valid: give a number, true or false.") from None


def _draw(policy: Any, path: Path, settings: dict[str, Any]) -> Path:
    """Writes a GIF of one episode to ``path``."""
    from jaxac.loggers import gif

    chosen = {name: settings[name] for name in ("greedy", "seed", "env_params") if name in settings}
    try:
        return gif.save_gif(policy.config.env.name, policy.record(**chosen), path)
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot write --gif {path}: {error}.") from None


def _fail(error: ConfigError | RunError) -> NoReturn:
    print(f"jaxac: {error}", file=sys.stderr)
    sys.exit(error.exit_code)


if __name__ == "__main__":
    with collected_seldom():
        main()
