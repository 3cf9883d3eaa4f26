"""Keyword arguments for a user's own part of a run."""

import json
from typing import Any

from pydantic import GetCoreSchemaHandler, JsonValue
from pydantic_core import CoreSchema, core_schema


class Arguments(dict[str, Any]):
    """Keyword arguments of plain values, which hash because programs are compiled for them.

    They are equal if their JSON is, in which 1, 1.0 and true differ.

    >>> Arguments(size=1) == Arguments(size=1.0)
    False
    >>> Arguments(sizes=[64, 64]).as_keywords()
    {'sizes': (64, 64)}
    """

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Arguments) and self._text == other._text

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:  # type: ignore[override]  # a dict has none
        return hash(self._text)

    @classmethod
    def __get_pydantic_core_schema__(cls, _: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(cls, handler(dict[str, JsonValue]))

    @property
    def _text(self) -> str:
        return json.dumps(self, sort_keys=True)

    def as_keywords(self) -> dict[str, Any]:
        """The arguments for a call, with tuples in place of lists, because tuples hash."""
        return {name: _with_tuples(value) for name, value in self.items()}


def _with_tuples(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(map(_with_tuples, value))
    if isinstance(value, dict):
        return {name: _with_tuples(each) for name, each in value.items()}
    return value
