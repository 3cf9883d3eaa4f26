"""The meaning of settings, on the terminal: ``--explain SETTING`` and ``--help``, from the comments under ``conf/``."""

import textwrap
from collections.abc import Iterator

from jaxac.config import hints, settings
from jaxac.config.settings import CONF
from jaxac.config.words import show
from jaxac.errors import ConfigError

_HEADER = """\
Trains an actor-critic:   python -m jaxac.train +algo=a2c [setting=value ...]
Several jobs:             python -m jaxac.train -m +algo=a2c seed=0,1,2
Resume after any stop:    python -m jaxac.train resume=DIRECTORY
Where it writes:          hydra.run.dir=DIRECTORY, of a sweep hydra.sweep.dir=DIRECTORY
What a setting means:     python -m jaxac.train --explain algo.discount
The values of a run:      python -m jaxac.train +algo=a2c --cfg job
"""
_WIDTH = 110


def one(name: str) -> str:
    """The meaning and the values of a setting, or of all settings of a section.

    Raises:
        ConfigError: if there is no such setting.
    """
    name = name.partition("=")[0]
    inside = [each for each in settings.table() if each.startswith(f"{name}.")]
    if name not in settings.table() and not inside:
        raise ConfigError(hints.unknown(name))
    first = [name] if name in settings.table() and not inside else []
    return "\n\n".join("\n".join(_explained(each)) for each in (*first, *inside) if _is_shown(each))


def overview() -> str:
    """Every setting with its default and the first sentence of its meaning, by section."""
    lines, before = [_HEADER], ""
    for group, choices in settings.groups().items():
        if len(choices) > 1:
            lines += textwrap.wrap(f"  {group}={' | '.join(choices)}", _WIDTH, subsequent_indent=" " * (len(group) + 3))
    lines += [
        "",
        "  The general recipe; presets, env=cartpole by default, have some values of their own:",
        "",
    ]
    for name, several in settings.table().items():
        if not _is_shown(name):
            continue
        if name.partition(".")[0] != before and "." in name:
            lines.append("")
        before = name.partition(".")[0]
        usual = next((each for each in several if each.choice in (None, *settings.usual_choices())), several[0])
        only = "" if usual.choice in (None, *settings.usual_choices()) else f"({usual.choice}) "
        line = f"  {name}={show(usual.value)}".ljust(46) + f"  {only}{usual.comment.partition('. ')[0].rstrip('.')}"
        lines.append(line if len(line) <= _WIDTH else line[: _WIDTH - 2].rstrip() + " …")
    return "\n".join([*lines, "", f"The files of all settings: {CONF}"])


def _is_shown(name: str) -> bool:
    return not settings.table()[name][0].is_section and name not in ("algo.name",)


def _explained(name: str) -> Iterator[str]:
    """Lines on one setting: its values, by choice if they differ, and what its comments say."""
    several = settings.table()[name]
    values = {show(each.value) for each in several}
    if len(values) == 1:
        where = f"   ({' and '.join(settings.choices_with(name))})" if several[0].choice else ""
        yield f"{name}={values.pop()}{where}"
    else:
        yield from (f"{name}={show(each.value)}   ({each.choice})" for each in several)
    for comment in dict.fromkeys(each.comment for each in several if each.comment):
        yield textwrap.fill(comment, _WIDTH, initial_indent="  ", subsequent_indent="  ")
