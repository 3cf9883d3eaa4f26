"""Docstrings on the site: Sphinx's roles, which editors know, as Markdown links."""

import re
from typing import Any

import griffe

_ROLE = re.compile(r":(?:mod|class|func|meth|data|attr):`~?([\w.]+)`")


class Roles(griffe.Extension):
    """Turns ``:func:`name``` into a link to ``name``, if the site tells of it."""

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """Rewrites every docstring of a package."""
        self._rewrite(pkg)

    def _rewrite(self, item: griffe.Object) -> None:
        if item.docstring:
            item.docstring.value = _ROLE.sub(lambda match: _link(item, match[1]), item.docstring.value)
        for member in item.members.values():
            if not member.is_alias:
                self._rewrite(member)


def _link(item: griffe.Object, name: str) -> str:
    try:
        path = item.resolve(name)
    except griffe.NameResolutionError:
        path = name
    return f'<autoref identifier="{path}" optional>`{name}`</autoref>'
