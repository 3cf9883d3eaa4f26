"""The two pages of the documentation that hold what the experiment found."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from experiments.claims import answers, clock_tables, figures, tables

RESULTS = Path(__file__).parents[2] / "docs/results"
PAGES = RESULTS / "claims.md", RESULTS / "claims_evidence.md"
"""The verdicts, and what they rest on."""
ASSETS = RESULTS.parent / "assets"
MARKERS = "<!-- {name}, written by the experiment -->", "<!-- end of {name} -->"


def contents(found: Mapping[str, Any]) -> dict[str, str]:
    """The tables that the pages hold between their markers, in Markdown, by the markers' names.

    Args:
        found: the saved results, with those of the real clock as ``clock``.
    """
    tasks, on_clock = found["tasks"], found.get("clock", {})
    return {
        "effects": answers.by_task(tasks),
        "verdicts": answers.by_claim(found),
        "clock": clock_tables.unequal(on_clock, tasks),
        "clock crossover": f"On the real clock: **{tables.crossing(clock_tables.crossover(on_clock))}**.",
        "clock workers": clock_tables.workers(on_clock, tasks),
        "momentum": tables.momentum(tasks.get("CartPole", {})),
        "knobs": tables.pairs(tasks.get("CartPole", {})),
        "workers": tables.workers(tasks.get("CartPole", {})),
        "correlation": tables.looks("correlation", found.get("correlation", {})) or "pending",
        "exploration": tables.looks("exploration", found.get("exploration", {})) or "pending",
        "tables": tables.tables(tasks),
    }


def write(found: Mapping[str, Any]) -> None:
    """Puts tables into the pages, between their markers, and the figures beside them."""
    every = contents(found)
    for path in PAGES:
        text = path.read_text()
        for name, content in every.items():
            begin, end = (marker.format(name=name) for marker in MARKERS)
            if begin in text:
                before, rest = text.split(begin)
                text = f"{before}{begin}\n\n{content}\n\n{end}{rest.split(end)[1]}"
        path.write_text(text)
    figures.draw(found, ASSETS / "claims")
