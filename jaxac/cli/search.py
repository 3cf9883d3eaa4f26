"""Searches by Optuna: settings that make one repeatable, and so resumable."""

from collections.abc import Sequence

from jaxac.config.settings import key_of
from jaxac.config.words import shorten
from jaxac.errors import ConfigError

_CHOSEN = "hydra/sweeper=optuna"
_DEFAULTS = ("hydra.sweeper.direction=maximize", "hydra.sweeper.max_failure_rate=1.0", "hydra.sweeper.sampler.seed=0")
_SEED, _STORAGE, _LENGTH = "hydra.sweeper.sampler.seed", "hydra.sweeper.storage", "hydra.sweeper.n_trials"


def defaults(arguments: Sequence[str]) -> list[str]:
    """The settings of a search that ``arguments`` leave open; none for another command.

    It maximizes what a job returns, a trial that diverges fails by itself, and the sampler has a seed: proposals follow
    from it and the results before, so that a search that is resumed proposes the trials that it had begun.
    """
    if _CHOSEN not in arguments:
        return []
    given = {key_of(argument) for argument in arguments}
    if "hydra/sweeper/sampler=grid" in arguments or _STORAGE in given:
        given.add(_SEED)  # a grid has one order, and a study that goes on would repeat what the seed gave before
    return [default for default in _DEFAULTS if key_of(default) not in given]


def check_resumed(saved: Sequence[str], given: Sequence[str], value: str) -> None:
    """Checks that a sweep, if it is a search, would propose the same trials again.

    Args:
        saved: the overrides that it was begun with.
        given: those that come on top.
        value: what ``resume`` was given.

    Raises:
        ConfigError: if it would not.
    """
    if _CHOSEN not in saved:
        return
    for text in given:
        if key_of(text).startswith(("hydra.sweeper", "hydra/sweeper")) and key_of(text) != _LENGTH:
            raise ConfigError(
                f"{shorten(text)} would change the trials of the search at resume={shorten(value)}; leave it out "
                f"({_LENGTH} alone may change)."
            )
    settings = dict(text.split("=", 1) for text in saved)
    if _STORAGE in settings:
        raise ConfigError(
            f"resume={shorten(value)} is a search with {_STORAGE}, from which Optuna goes on itself: give its command "
            "again, without resume."
        )
    if _SEED not in settings and settings.get("hydra/sweeper/sampler") != "grid":
        raise ConfigError(
            f"resume={shorten(value)} is a search without {_SEED}, of an older version, whose trials cannot be "
            "proposed again; start a new one."
        )


def is_without_results(error: ValueError) -> bool:
    """True for what Optuna says at the end of a search of which every trial failed."""
    return "No trials are completed yet" in str(error)
