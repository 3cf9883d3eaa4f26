"""The report as one HTML file that needs nothing else, and its figures as PNGs."""

import base64
import re
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from experiments import report_content, report_curves, report_plots, report_staleness, report_tables
from experiments.report_content import Content, Section
from experiments.report_importance import Importance
from experiments.report_plots import Picture
from experiments.report_tables import Cell

_TEMPLATE = Path(__file__).with_name("report.html.jinja")


def write(content: Content, directory: Path, command: str) -> Path:
    """Writes ``report.html`` and a PNG for each figure into ``directory``.

    Args:
        command: that made the report.
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
        title=report_content.title(content),
        headline=report_content.headline(content),
        sections=sections,
        skipped=content.skipped,
        notes=content.notes,
        provenance=report_content.provenance(content),
        command=command,
    )


def _section(section: Section) -> dict[str, Any]:
    """What the template needs of one environment."""
    name = re.sub(r"[^\w.-]", "_", section.env)
    curves = [report_curves.learning_curves(section.outcomes, against, name) for against in report_plots.AXES]
    drawn = [*report_plots.marginals(section.outcomes, name), report_plots.parallel_coordinates(section.outcomes, name)]
    bars = (
        [report_plots.importance_bars(section.importance, name)] if isinstance(section.importance, Importance) else []
    )
    stale = report_staleness.pictures(section.staleness, name) if section.staleness else []
    groups = {"curves": _present(curves), "settings": _present(drawn), "importance": bars, "staleness": stale}
    best = section.outcomes[0]
    return {
        "env": section.env,
        "verdict": report_content.verdict(section),
        "best": best.trial if best.mean is not None else None,
        "chosen": len(section.outcomes) > 1,
        "table": _table(
            report_tables.columns(section.outcomes), [report_tables.row(outcome) for outcome in section.outcomes]
        ),
        "definitions": report_content.definitions(section),
        "importance": report_content.importance_words(section.importance),
        "staleness": _table(
            report_tables.staleness_columns(), [report_tables.staleness_row(one) for one in section.staleness]
        ),
        "trials": [outcome.trial for outcome in section.outcomes],
        "groups": groups,
        "pictures": [picture for group in groups.values() for picture in group],
    }


def _present(pictures: list[Picture | None]) -> list[Picture]:
    return [picture for picture in pictures if picture is not None]


def _table(columns: list[str], rows: list[list[Cell]]) -> dict[str, Any]:
    """With which columns hold numbers, to be aligned and sorted as such."""
    numeric = [any(cell.value is not None for cell in cells) for cells in zip(*rows, strict=True)]
    return {"columns": list(zip(columns, numeric, strict=False)), "rows": rows}


def _data_url(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def _breakable(name: str) -> Markup:
    """A setting's name, which may be broken at its dots and underscores."""
    return Markup("<wbr>").join(re.split(r"(?<=[._])", name))
