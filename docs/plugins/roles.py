"""Docstrings on the site: Sphinx's roles, which editors know, as links, and doctests as code."""

import re
from typing import Any

import griffe

_DOCTEST = re.compile(r"^>>> .*(?:\n.+)*", re.MULTILINE)
_ROLE = re.compile(r":(?:mod|class|func|meth|data|attr):`~?([\w.]+)`")


class Roles(griffe.Extension):
    """Turns ``:func:`name``` into a link to ``name``, if the site tells of it, and ``>>>`` into a block."""

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """Rewrites every docstring of a package."""
        self._rewrite(pkg)

    def _rewrite(self, item: griffe.Object) -> None:
        if item.docstring:
            fenced = _DOCTEST.sub(lambda match: f"```pycon\n{match[0]}\n```", item.docstring.value)
            item.docstring.value = _ROLE.sub(lambda match: _link(item, match[1]), fenced)
        for member in item.members.values():
            if not member.is_alias:
                self._rewrite(member)


def _link(item: griffe.Object, name: str) -> str:
    try:
        path = item.resolve(name)
    except griffe.NameResolutionError:
        path = name
    return f'<autoref identifier="{path}" optional>`{name}`</autoref>'
