"""The report as one self-contained HTML file, and its figures as PNGs."""

import base64
import re
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from jaxac.report import curves, plots, staleness, tables, words
from jaxac.report.importance import Importance
from jaxac.report.plots import Picture
from jaxac.report.tables import Cell
from jaxac.report.words import Content, Section

_TEMPLATE = Path(__file__).with_name("page.html.jinja")


def write(content: Content, directory: Path, command: str) -> Path:
    """Writes ``report.html`` and a PNG for each figure into ``directory``.

    Args:
        content: the report's content.
        directory: the directory to write to.
        command: the command line that made the report, to be quoted.

    Returns:
        The path of ``report.html``.
    """
    directory.mkdir(parents=True, exist_ok=True)
    sections = [_section(section) for section in content.sections]
    for section in sections:
        for picture in section["pictures"]:
            (directory / f"{picture.name}.png").write_bytes(picture.png)
    path = directory / "report.html"
    path.write_text(_render(content, sections, command), encoding="utf-8")
    return path


def _render(content: Content, sections: list[dict[str, Any]], command: str) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATE.parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"data_url": _data_url, "breakable": _breakable}
    return environment.get_template(_TEMPLATE.name).render(
        title=words.title(content),
        headline=words.headline(content),
        sections=sections,
        skipped=content.skipped,
        notes=content.notes,
        workers=_table(tables.worker_columns(), tables.worker_rows(content.runs)),
        learners=_table(tables.learner_columns(), tables.learner_rows(content.runs)),
        provenance=words.provenance(content),
        command=command,
    )


def _section(section: Section) -> dict[str, Any]:
    """The template's variables for one environment."""
    name = re.sub(r"[^\w.-]", "_", section.env)
    against = list(plots.AXES)[: 2 if curves.speeds_differ(section.outcomes) else 1]
    learning = [curves.learning_curves(section.outcomes, axis, name) for axis in against]
    drawn = [*plots.marginals(section.outcomes, name), plots.parallel_coordinates(section.outcomes, name)]
    bars = [plots.importance_bars(section.importance, name)] if isinstance(section.importance, Importance) else []
    stale = staleness.pictures(section.staleness, name) if section.staleness else []
    groups = {"curves": _present(learning), "settings": _present(drawn), "importance": bars, "staleness": stale}
    best = section.outcomes[0]
    return {
        "env": section.env,
        "seconds": len(against) > 1,
        "verdict": words.verdict(section),
        "best": best.trial if best.mean is not None else None,
        "chosen": len(section.outcomes) > 1,
        "table": _table(tables.columns(section.outcomes), [tables.row(outcome) for outcome in section.outcomes]),
        "definitions": words.definitions(section),
        "importance": words.importance_words(section.importance),
        "staleness": _table(tables.staleness_columns(), [tables.staleness_row(one) for one in section.staleness]),
        "trials": [outcome.trial for outcome in section.outcomes],
        "groups": groups,
        "pictures": [picture for group in groups.values() for picture in group],
    }


def _present(pictures: list[Picture | None]) -> list[Picture]:
    return [picture for picture in pictures if picture is not None]


def _table(columns: list[str], rows: list[list[Cell]]) -> dict[str, Any]:
    """The template's variables for a table: columns, each with True if it holds numbers, and rows."""
    numeric = [any(cell.value is not None for cell in cells) for cells in zip(*rows, strict=True)]
    return {"columns": list(zip(columns, numeric, strict=False)), "rows": rows}


def _data_url(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def _breakable(name: str) -> Markup:
    """A setting's name that a browser may break at its dots and underscores."""
    return Markup("<wbr>").join(re.split(r"(?<=[._])", name))
