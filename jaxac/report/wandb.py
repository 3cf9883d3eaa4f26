"""The report as a W&B Report: the same text, and panels that Weights & Biases draws from the runs it was sent."""

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from jaxac import names
from jaxac.errors import ConfigError
from jaxac.report import tables, words
from jaxac.report.trials import spans_decades
from jaxac.report.words import Content, Section

_HALF, _WHOLE, _HEIGHT = 12, 24, 8  # of the grid that panels lie on
_TITLE = 128  # letters that a title may have


def connect(target: str) -> Callable[[Content], str]:
    """Logs in, so that a mistake in ``--wandb`` is reported before anything is written.

    Args:
        target: ``entity/project``.

    Returns:
        A function that publishes a report there and returns its address.

    Raises:
        ConfigError: if ``target`` is no such pair, or there is no login.
    """
    entity, project = place_of(target)
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # its crash reports would look up a host
    os.environ.setdefault("WANDB_SILENT", "true")
    import wandb

    try:
        if not wandb.login(prompt=False):  # wandb.Api() would ask for a key on a terminal
            raise ConfigError(f"--wandb={target} needs a login; run `wandb login`, or set WANDB_API_KEY.")
        wandb.Api()
    except wandb.Error as error:
        raise ConfigError(f"--wandb={target} does not work: {_sentence(error)}") from None
    return lambda content: publish(content, entity, project)


def place_of(target: str) -> tuple[str, str]:
    """The entity and the project of ``entity/project``.

    Raises:
        ConfigError: if ``target`` is no such pair.
    """
    entity, _, project = target.partition("/")
    if not entity or not project or "/" in project:
        raise ConfigError(f"--wandb={target} is not valid; give entity/project.")
    return entity, project


def _sentence(error: Exception) -> str:
    """The first line of a library's error, as a sentence."""
    text = (str(error).strip() or type(error).__name__).splitlines()[0]
    return text if text.endswith((".", "!")) else f"{text}."


def publish(content: Content, entity: str, project: str) -> str:
    """Saves the report at Weights & Biases and returns its address.

    Args:
        content: the report's content.
        entity: the W&B user or team.
        project: the W&B project.

    Raises:
        ConfigError: if the server refuses it.
    """
    import requests
    import wandb
    import wandb_workspaces.reports.v2 as wr

    report = wr.Report(
        project=project,
        entity=entity,
        title=words.title(content)[:_TITLE],
        description=words.headline(content),
        blocks=blocks(content, entity, project),
        width="fluid",
    )
    try:
        return report.save().url
    except (wandb.Error, requests.RequestException, ValueError) as error:
        raise ConfigError(f"--wandb={entity}/{project} does not work: {_sentence(error)}") from None


def blocks(content: Content, entity: str, project: str) -> list[Any]:
    """The report's blocks, from top to bottom."""
    import wandb_workspaces.reports.v2 as wr

    made: list[Any] = [wr.P(words.headline(content))]
    for section in content.sections:
        made += _section(section, entity, project)
    lists = {"Skipped runs": content.skipped, "Notes on runs": content.notes}
    for heading, runs in lists.items():
        if runs:
            made += [wr.H2(heading), _bullets(f"{run.name}: {run.reason}" for run in runs)]
    rows = tables.worker_rows(content.runs)
    if rows:
        made += [wr.H2("Workers"), wr.MarkdownBlock(_markdown(tables.worker_columns(), rows))]
    rows = tables.learner_rows(content.runs)
    if rows:
        made += [wr.H2("Learners"), wr.MarkdownBlock(_markdown(tables.learner_columns(), rows))]
    versions = [f"{name}: {value}" for name, value in words.provenance(content)]
    return [*made, wr.H2("Versions and devices"), _bullets(versions)] if versions else made


def _bullets(texts: Iterable[str]) -> Any:
    import wandb_workspaces.reports.v2 as wr

    return wr.UnorderedList(list(texts))


def _section(section: Section, entity: str, project: str) -> list[Any]:
    import wandb_workspaces.reports.v2 as wr

    best = section.outcomes[0]
    made: list[Any] = [wr.H1(section.env), *map(wr.P, words.verdict(section))]
    if best.mean is not None and best.trial.command:
        made += [wr.H2("The best configuration, as a command"), wr.CodeBlock(best.trial.command, None)]
    made += [wr.H2("Runs"), wr.PanelGrid(runsets=[_runset(section, entity, project)], panels=list(_panels(section)))]
    rows = [tables.row(outcome) for outcome in section.outcomes]
    made += [wr.H2("Trials"), wr.MarkdownBlock(_markdown(tables.columns(section.outcomes), rows))]
    made += [_bullets(words.definitions(section))]
    made += [wr.H2("Importance of settings"), wr.P(words.importance_words(section.importance))]
    if section.staleness:
        rows = [tables.staleness_row(one) for one in section.staleness]
        made += [wr.H2("Staleness"), wr.MarkdownBlock(_markdown(tables.staleness_columns(), rows))]
    return made


def _runset(section: Section, entity: str, project: str) -> Any:
    """The section's runs, grouped into trials by the settings in which they differ.

    They are found by the id in their summary, because a run started by a W&B sweep has another id of its own.
    """
    import wandb_workspaces.reports.v2 as wr
    from wandb_workspaces import expr

    ids = [run.summary["run_id"] for run in section.runs if run.summary.get("run_id")]
    grouped = [f"config.{name}" for name in section.outcomes[0].trial.swept]
    chosen = [expr.Summary("run_id").isin(ids)] if ids else []
    return wr.Runset(entity=entity, project=project, name=section.env, filters=chosen, groupby=grouped)


def _panels(section: Section) -> Iterator[Any]:
    """The section's panels, two in a row; those on staleness only if there is any."""
    import wandb_workspaces.reports.v2 as wr

    lines = [(names.RETURN, names.ENV_STEPS), (names.RETURN, names.SECONDS), (names.EPISODE_RETURN, names.ENV_STEPS)]
    lines += [(names.SPS, names.ENV_STEPS)]
    if section.staleness:
        lines += [(names.STALENESS, names.ENV_STEPS), (names.PUSHES_DROPPED, names.ENV_STEPS)]
    for number, (metric, x) in enumerate(lines):
        place = wr.Layout(x=number % 2 * _HALF, y=number // 2 * _HEIGHT, w=_HALF, h=_HEIGHT)
        yield wr.LinePlot(
            title=f"{metric} against {x}",
            x=x,
            y=[metric],
            groupby_aggfunc="mean",
            groupby_rangefunc="stderr",
            layout=place,
        )
    below = -(-len(lines) // 2) * _HEIGHT
    yield wr.ScalarChart(
        title="Final return",
        metric=wr.SummaryMetric(names.RETURN),
        groupby_aggfunc="mean",
        layout=wr.Layout(x=0, y=below, w=_HALF, h=_HEIGHT),
    )
    columns = list(_coordinates(section))
    yield wr.ParallelCoordinatesPlot(columns=columns, layout=wr.Layout(x=_HALF, y=below, w=_HALF, h=_HEIGHT))
    yield wr.RunComparer(diff_only="split", layout=wr.Layout(x=0, y=below + _HEIGHT, w=_WHOLE, h=_HEIGHT))


def _coordinates(section: Section) -> Iterator[Any]:
    import wandb_workspaces.reports.v2 as wr

    for name in section.outcomes[0].trial.swept:
        values = [outcome.trial.swept[name] for outcome in section.outcomes]
        yield wr.ParallelCoordinatesPlotColumn(metric=wr.Config(name), display_name=name, log=spans_decades(values))
    yield wr.ParallelCoordinatesPlotColumn(metric=wr.SummaryMetric(names.RETURN), display_name="final return")


def _markdown(columns: list[str], rows: list[list[tables.Cell]]) -> str:
    """A table in Markdown, with its separators escaped in the text of cells."""
    lines = [columns, ["---"] * len(columns), *([cell.text for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(text.replace('|', chr(92) + '|') for text in line)} |" for line in lines)
