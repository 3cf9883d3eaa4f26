"""A mistake that pydantic found, as one sentence in our words: setting, value, what is wrong with it, the fix."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from jaxac.config import hints, settings
from jaxac.config.words import join, shorten, show

_MEMBERS = ("a2c", "a3c", "bool", "int", "float", "tuple", "dict")
"""Members of unions, which pydantic puts into the paths of settings."""
_REASONS = {
    "bool": "give true or false",
    "dict": "give a mapping, {{NAME: VALUE}}",
    "finite_number": "give a finite number",
    "float": "give a number",
    "greater_than": "give more than {gt}",
    "greater_than_equal": "give at least {ge}",
    "int": "give a whole number",
    "invalid-json-value": "give numbers, text, lists or mappings",
    "less_than": "give less than {lt}",
    "less_than_equal": "give at most {le}",
    "too_long": "give at most {max_length}",
    "string_too_long": "give at most {max_length} characters",
    "string_too_short": "give a text that is not empty",
    "string": "give one text, in quotes if it looks like a number",
    "tuple": "give a list, [A,B,C]",
}
"""Fixes, by the beginning of pydantic's name for the mistake."""


def explain(error: ValidationError, raw: dict[str, Any], typed: Mapping[str, str]) -> str:
    """One sentence on the first mistake.

    Args:
        error: pydantic's error.
        raw: the configuration that was checked, as plain dicts, lists and scalars.
        typed: values as typed on the command line, by the names of their settings.
    """
    first = _first(error, raw)
    path = [str(part) for part in first["loc"] if isinstance(part, str) and _is_name(part)]
    name, value = ".".join(path), _at(raw, path, first["input"])
    if first["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        return hints.unknown(name)
    if first["type"] in ("missing", "missing_argument"):
        return f"{name} is not set; give it a value on the command line, {name}=…"
    if first["type"].startswith(("dataclass", "model", "union_tag")):
        return _no_section(name, value)
    reason = "each of them: " if isinstance(value, list) and not isinstance(first["input"], list) else ""
    given = shorten(typed[name]) if name in typed else show(value)
    return f"{name}={given} is not valid: {reason}{_reason(first)}."


def _first(error: ValidationError, raw: dict[str, Any]) -> Any:
    """The first mistake; of those of a union, which are of one setting, the one of the member that was meant."""
    errors = error.errors(include_url=False)
    value = _at(raw, [part for part in errors[0]["loc"] if isinstance(part, str) and _is_name(part)], None)
    if errors[0]["loc"][:2] == ("env", "params") and len(errors[0]["loc"]) > 2:
        return [each for each in errors if each["loc"][:3] == errors[0]["loc"][:3]][-1]  # a number, most often
    of_lists = [each for each in errors if "tuple" in str(each["loc"])]
    return of_lists[0] if isinstance(value, list) and of_lists else errors[0]


def _reason(first: Any) -> str:
    kind, context = first["type"], first.get("ctx", {})
    if kind == "literal_error":
        return "choose " + context["expected"].replace("'", "")
    if kind in ("value_error", "assertion_error"):
        reason = str(context.get("error", first["msg"]))
        return reason[:1].lower() + reason[1:]
    for beginning, text in sorted(_REASONS.items(), key=lambda each: -len(each[0])):
        if kind.startswith(beginning):
            return text.format(**{name: show(value) for name, value in context.items()})
    return "give another value"


def _no_section(name: str, value: Any) -> str:
    """A sentence on a section of settings that is a single value, or none that there is."""
    if isinstance(value, dict):
        tag = value.get("name")
        return f"{name}.name={show(tag)} is not valid: choose {join(list(settings.groups()[name]))}."
    return is_section(name, show(value))


def is_section(name: str, value: str) -> str:
    """A sentence on a section of settings that was given a single value.

    >>> is_section("checkpoint", "3")
    'checkpoint=3 is not valid: checkpoint is a section; give its settings, checkpoint.every, checkpoint.keep.'
    """
    inside = [each for each in settings.table() if each.rpartition(".")[0] == name][:3]
    return f"{name}={value} is not valid: {name} is a section; give its settings, {', '.join(inside)}."


def _is_name(part: str) -> bool:
    """True for a part of a setting's path, rather than one of the types that pydantic tried."""
    return part.isidentifier() and part not in _MEMBERS


def _at(raw: Any, path: list[str], otherwise: Any) -> Any:
    """The value at ``path`` as it was given."""
    for part in path:
        if not isinstance(raw, dict) or part not in raw:
            return otherwise
        raw = raw[part]
    return raw
