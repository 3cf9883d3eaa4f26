"""The pages of the documentation, and the commands that they show."""

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "experiments").glob("*.md")),
]
_SHELL, _PYTHON = (re.compile(rf"^```{kind}\n(.*?)^```", re.MULTILINE | re.DOTALL) for kind in ("bash", "python"))


def name(page):
    return page.relative_to(ROOT).as_posix()


def commands(page):
    """The words of every ``python -m MODULE …`` in a page's shell blocks, without the variables before it."""
    for block in _SHELL.findall(page.read_text()):
        for line in block.replace("\\\n", " ").splitlines():
            for command in re.split(r"&&", line):
                words = shlex.split(command, comments=True)
                while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                    words.pop(0)
                if words[:2] == ["python", "-m"]:
                    yield words[2:]


def code(page):
    """A page's blocks of Python."""
    return _PYTHON.findall(page.read_text())


def tables(page):
    """The tables of a page: ``{heading above it: [row]}``, a row the stripped texts of its cells."""
    found, heading = {}, ""
    for line in page.read_text().splitlines():
        if line.startswith("#"):
            heading = line.strip("# ")
        if line.startswith("|") and not set(line) <= set("|- :"):
            found.setdefault(heading, []).append([cell.strip() for cell in line.strip("|").split("|")])
    return found
