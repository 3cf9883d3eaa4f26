"""A W&B Report as a Markdown file, to be looked at before it is published. Needs no login and no network."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jaxac.report import wandb, words
from jaxac.report.words import Content

FILE = "wandb_report.md"


def write(content: Content, entity: str, project: str, directory: Path) -> Path:
    """Writes the report's blocks, from top to bottom, into ``directory``; panels by what they draw.

    Args:
        content: the report's content.
        entity: the W&B user or team that it would be published for.
        project: the W&B project.
        directory: the directory to write to.

    Returns:
        The path of the file.
    """
    lines = [f"# {words.title(content)}", f"*Not published. It would go to {entity}/{project}.*"]
    lines += [text for block in wandb.blocks(content, entity, project) for text in _markdown(block)]
    path = directory / FILE
    path.write_text("\n\n".join(lines) + "\n", encoding="utf-8")
    return path


def _markdown(block: Any) -> Iterator[str]:
    """A block's Markdown."""
    import wandb_workspaces.reports.v2 as wr

    if isinstance(block, wr.H1 | wr.H2):
        yield f"{'##' if isinstance(block, wr.H1) else '###'} {block.text}"
    elif isinstance(block, wr.CodeBlock):
        yield f"```bash\n{block.code}\n```"
    elif isinstance(block, wr.UnorderedList):
        yield "\n".join(f"- {item}" for item in block.items)
    elif isinstance(block, wr.PanelGrid):
        (runs,) = block.runsets
        yield f"Panels, of the runs that match `{runs.filters or 'everything'}`, grouped by {_listed(runs.groupby)}:"
        yield "\n".join(f"- {_panel(panel)}" for panel in block.panels)
    else:
        yield str(block.text)


def _listed(names: list[Any]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "nothing"


def _panel(panel: Any) -> str:
    """One line on a panel: its kind, and what it draws."""
    drawn = [getattr(panel, "title", None) or ""]
    drawn += [column.display_name or str(column.metric) for column in getattr(panel, "columns", None) or []]
    said = ", ".join(text for text in drawn if text)
    return f"{type(panel).__name__}{f': {said}' if said else ''}"
