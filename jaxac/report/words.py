"""The text of a report, the same on the page and at Weights & Biases."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from jaxac.report.discover import Skipped
from jaxac.report.importance import Importance, importance
from jaxac.report.read import UNFINISHED, Run
from jaxac.report.staleness import Staleness, staleness
from jaxac.report.statistics import COLLAPSE, Outcome, outcomes
from jaxac.report.trials import by_environment


@dataclass(frozen=True)
class Section:
    """The part of a report on one environment, because returns of different environments do not compare."""

    env: str
    """The environment's name."""
    outcomes: list[Outcome]
    """The trials' outcomes, best first."""
    importance: Importance | str
    """The importance of settings, or one sentence on why it is left out."""
    staleness: list[Staleness]
    """The staleness of A3C's trials."""

    @property
    def runs(self) -> list[Run]:
        """The runs of all trials."""
        return [run for outcome in self.outcomes for run in outcome.trial.runs]


@dataclass(frozen=True)
class Content:
    """The content of a whole report."""

    sections: list[Section]
    """A section per environment."""
    skipped: list[Skipped]
    """Runs that could not be read."""
    notes: list[Skipped]
    """Runs that are part of the report, though something is odd about them."""

    @property
    def runs(self) -> list[Run]:
        """The runs of all sections."""
        return [run for section in self.sections for run in section.runs]


def build(runs: list[Run], skipped: list[Skipped]) -> Content:
    """Groups the runs into trials and computes their statistics."""
    sections = []
    for env, trials in by_environment(runs).items():
        found = outcomes(trials)
        sections.append(Section(env, found, importance(found), staleness(found)))
    notes = [Skipped(run.name, run.note) for run in runs if run.note]
    notes += [
        Skipped(run.name, "it has no summary.json: it is still running, or was killed")
        for run in runs
        if not run.summary
    ]
    return Content(sections, skipped, notes)


def title(content: Content) -> str:
    """The report's title: algorithms and environments."""
    algos = " and ".join(dict.fromkeys(run.algo.upper() for run in content.runs))
    return f"{algos} on {', '.join(section.env for section in content.sections)}"


def headline(content: Content) -> str:
    """Two sentences on the number of runs and the ways in which they ended."""
    trials = [outcome.trial for section in content.sections for outcome in section.outcomes]
    sizes = sorted(len(trial.runs) for trial in trials)
    seeds = f"{sizes[0]}" if sizes[0] == sizes[-1] else f"{sizes[0]} to {sizes[-1]}"
    ends = Counter(run.status for run in content.runs)
    told = ", ".join(f"{number} {status}" for status, number in ends.items())
    skipped = f", {len(content.skipped)} skipped because they could not be read" if content.skipped else ""
    return (
        f"{plural(len(content.runs), 'run')}: {plural(len(trials), 'trial')} (configurations that are equal but for "
        f"the seed) × {plural(seeds, 'seed')}. How they ended: {told}{skipped}."
    )


def plural(number: int | str, noun: str) -> str:
    """A number with its noun.

    >>> plural(1, "run"), plural(2, "run")
    ('1 run', '2 runs')
    """
    return f"{number} {noun}{'' if str(number) == '1' else 's'}"


def verdict(section: Section) -> list[str]:
    """Sentences on the results for one environment."""
    best, runs = section.outcomes[0], section.runs
    said = []
    if best.mean is None:
        said.append("No run has come to its end, so no configuration can be called best.")
    elif len(section.outcomes) == 1:
        said.append(f"The final evaluation's mean return is {_mean(best)}.")
    else:
        said.append(
            f"Trial #{best.trial.number} ({best.trial.label}) has the highest mean final return, {_mean(best)}. It is "
            f"the best of {len(section.outcomes)} on these very runs: expect somewhat less of new seeds."
        )
    thresholds = sorted({run.threshold for run in runs if run.threshold is not None})
    if thresholds:
        reached, collapsed = (sum(getattr(o, name) for o in section.outcomes) for name in ("reached", "collapsed"))
        level = " or ".join(f"{threshold:g}" for threshold in thresholds)
        said.append(
            f"Of {plural(len(runs), 'run')} {reached} reached the threshold, {level}; {collapsed} of them collapsed."
        )
    else:
        said.append(f"No threshold is known for {section.env}, so nothing is said of reaching it or of collapses.")
    return said


def _mean(outcome: Outcome) -> str:
    seeds = plural(len(outcome.finals), "seed")
    if outcome.bounds is None:
        return f"{outcome.mean:.4g}, of one seed, which tells little"
    return f"{outcome.mean:.4g} (95% interval {outcome.bounds[0]:.4g} to {outcome.bounds[1]:.4g}, {seeds})"


def definitions(section: Section) -> list[str]:
    """Paragraphs that define the table's numbers."""
    said = [
        "Final return: mean return of the final evaluation of runs that completed, averaged over seeds, with the 95% "
        "interval of that mean by Student's t, as everywhere here; of few seeds it is wide, as it has to be. "
        "Best: the highest evaluation of any seed, at any time.",
        "Reached: runs with an evaluation of at least the threshold. Collapse rate: the share of all runs that reached "
        f"it and later fell more than {COLLAPSE:.0%} of it below (under {1 - COLLAPSE:.0%} of a positive threshold), "
        "or diverged. Steps: environment steps before it was first reached, the median over the runs that did. "
        "SPS of a run: environment steps per second of training, mean over runs; runs that ran side by side shared the "
        "machine, which did as many times that as there were of them.",
    ]
    statuses = {run.status for run in section.runs}
    if "diverged" in statuses:
        said.append(
            "Diverged runs count as failures: with the lowest evaluation of any run here as their final return, and in "
            "the collapse rate. They are also in the number of runs that it is a share of."
        )
    if statuses & {"interrupted", UNFINISHED}:
        said.append("Interrupted and unfinished runs have no final return; their curves and evaluations so far count.")
    if any(len(set(o.trial.seeds)) < len(o.trial.seeds) for o in section.outcomes):
        said.append("Some trials hold a seed more than once: those runs are not independent, and intervals too narrow.")
    return said


def importance_words(found: Importance | str) -> str:
    """A paragraph on the method behind the importance of settings, and its limits."""
    if isinstance(found, str):
        return found
    few = "There are few, so this is a hint and no finding. " if found.trials < 30 else ""
    trust = "predicts trials that it has not seen no better than their mean does, so that the bars mean nothing"
    if found.held_out_r2 > 0:
        trust = f"explains {found.held_out_r2:.0%} of the variance of trials that it has not seen"
    return (
        f"A random forest (scikit-learn) was fitted to {plural(found.runs, 'final return')} of {found.trials} trials; "
        "a bar says how much of its R² is lost when one setting's values are shuffled among these same runs. "
        f"{few}The forest {trust}. It says nothing on values that were not tried."
    )


def provenance(content: Content) -> list[tuple[str, str]]:
    """Packages with their versions, and devices; several values where runs differ."""
    versions: dict[str, list[str]] = {}
    for run in content.runs:
        for package, version in _mapping(run.summary.get("versions")).items():
            versions.setdefault(package, []).append(str(version))
    devices = [str(device) for run in content.runs for device in run.summary.get("devices") or []]
    found = [(package, _unique(values)) for package, values in versions.items()]
    processes = [_processes(run.summary.get("processes")) for run in content.runs]
    return [
        *found,
        *([("devices", _unique(devices))] if devices else []),
        *([("processes", _unique(filter(None, processes)))] if any(processes) else []),
    ]


def _processes(listed: Any) -> str:
    """The hosts of several processes, with their numbers of devices; empty for a single one."""
    each = [_mapping(process) for process in listed] if isinstance(listed, list) and len(listed) > 1 else []
    return ", ".join(f"{plural(process.get('devices', 0), 'device')} on {process.get('host')}" for process in each)


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _unique(values: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(values))
