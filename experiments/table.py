"""Scores of A2C on many tasks, with intervals over seeds that nothing was tuned on.

    python -m experiments.table                                  every row, 30 seeds: a night on 2 cores
    python -m experiments.table --rows Acrobot Catch --seeds 10  some rows; later, more seeds of them are added to these
    python -m experiments.table --page                           writes the page and the figure from what there is

A row is trained as one run of so many seeds, from seed 1000 on; what was tuned was tuned on seeds below 200. It can be
stopped at any time: the same command resumes the row that was stopped, and trains the rows that are missing. A seed's
score is the mean return of its final evaluation (256 fresh episodes), with sampled and with the most probable actions.

The mean has the interval of reports (Student's t over seeds), the interquartile mean that of rliable (Agarwal et al.
2021, "Deep Reinforcement Learning at the Edge of the Statistical Precipice"): a percentile bootstrap over seeds. A seed
*collapses* as in a report.
"""

import argparse
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from experiments.table_rows import ROWS
from jaxac import intervals, names
from jaxac.report import read
from jaxac.report.statistics import collapsed

FIRST_SEED = 1000
RUNS = Path("outputs/table")
"""Where the runs are, which other tools can read; only scores and curves go into the results."""


def train(name: str, seeds: int, first: int = FIRST_SEED) -> dict[str, Any]:
    """Trains one row with so many seeds from ``first`` on and returns their scores."""
    import jaxac

    directory, quiet = where(name, seeds, first), ("logger.curve=false", "logger.gif=false")
    config = jaxac.make_config(*overrides(name, seeds, first), "evaluation.episodes=256", *quiet)
    begun = (directory / "config.yaml").exists()
    result = jaxac.train(config, directory, resume=begun, progress=True)
    # A run of one seed is that run itself.
    runs = [directory / "seeds" / str(seed) for seed in config.seeds] if seeds > 1 else [directory]
    weights = result.params if seeds > 1 else [result.params]
    found = [read.read_run(run, run.name) for run in runs]
    greedy = [jaxac.evaluate(jaxac.Policy(config, params), 256, greedy=True).mean for params in weights]
    steps, _ = found[0].series(names.RETURN)
    return {
        "command": command(name, seeds),
        "env_steps": config.total_env_steps,
        "seconds": result.summary[names.SECONDS],
        "compile_seconds": result.summary[names.COMPILE_SECONDS],
        "sampled": [run.final for run in found],
        "greedy": greedy,
        "collapsed": [bool(collapsed(run)) for run in found] if found[0].threshold is not None else None,
        "curve": {"env_steps": steps.tolist(), "returns": [run.series(names.RETURN)[1].tolist() for run in found]},
        "references": [reference._asdict() for reference in ROWS[name].references],
    }


def overrides(name: str, seeds: int, first: int) -> tuple[str, ...]:
    """The overrides of a row with so many seeds from ``first`` on."""
    return ("+algo=a2c", *ROWS[name].overrides, f"num_seeds={seeds}", f"seed={first}")


def command(name: str, seeds: int) -> str:
    """The command line that trains a row with so many seeds."""
    return f"python -m jaxac.train {shlex.join(overrides(name, seeds, FIRST_SEED))}"


def where(name: str, seeds: int, first: int) -> Path:
    """The directory of a row's run until its scores are saved."""
    return RUNS / slug(f"{name} {first} {seeds}")


def added(known: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """The scores of a row with those of its further seeds: every seed is the run that it is alone, to the last bit."""
    both = (known, found)

    def joined(scores: Callable[[dict[str, Any]], list[Any]]) -> list[Any]:
        return [score for result in both for score in scores(result)]

    return found | {
        "seconds": sum(result["seconds"] for result in both),
        "compile_seconds": sum(result["compile_seconds"] for result in both),
        "sampled": joined(lambda result: result["sampled"]),
        "greedy": joined(lambda result: result["greedy"]),
        "collapsed": found["collapsed"] and joined(lambda result: result["collapsed"]),
        "curve": found["curve"] | {"returns": joined(lambda result: result["curve"]["returns"])},
    }


def slug(words: str) -> str:
    """Words as the name of a file.

    >>> slug("DeepSea, 8 × 8")
    'deepsea-8-8'
    """
    return re.sub("[^a-z0-9]+", "-", words.lower()).strip("-")


def interquartile(scores: list[float]) -> tuple[float, float, float]:
    """The interquartile mean of scores, and its 95% interval by a percentile bootstrap over seeds."""
    values = np.asarray(scores)

    def mean(values: np.ndarray, axis: int) -> np.ndarray:
        return stats.trim_mean(values, 0.25, axis=axis)

    drawn = np.random.default_rng(0).choice(values, (10_000, len(values)))
    low, high = np.percentile(mean(drawn, 1), [2.5, 97.5])
    return float(mean(values, 0)), float(low), float(high)


def summary(result: dict[str, Any]) -> dict[str, Any]:
    """The numbers of one row of the table."""
    sampled = np.asarray(result["sampled"])
    low, high = intervals.interval(sampled) if len(sampled) > 1 else (float("nan"),) * 2
    iqm, iqm_low, iqm_high = interquartile(result["sampled"])
    lost = result["collapsed"]
    return {
        "seeds": len(sampled),
        "mean": [float(sampled.mean()), low, high],
        "iqm": [iqm, iqm_low, iqm_high],
        "worst": float(sampled.min()),
        "greedy": float(np.mean(result["greedy"])),
        "collapsed": None if lost is None else float(np.mean(lost)),
    }


def main() -> None:
    from experiments import common, table_page

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS), metavar="ROW", help=", ".join(ROWS))
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--page", action="store_true", help="train nothing")
    parser.add_argument("--again", action="store_true", help="train rows that have results anew")
    args = parser.parse_args()
    results = common.load("table").get("rows", {})
    for name in [] if args.page else args.rows:
        known = None if args.again else results.get(name)
        have = len(known["sampled"]) if known else 0
        if ROWS[name].pending or have >= args.seeds:
            continue
        missing = args.seeds - have, FIRST_SEED + have
        print(f"\n{name}", flush=True)
        common.prepare()
        found = train(name, *missing)
        if known:
            found = added(known, found) | {"command": command(name, args.seeds)}
        results[name] = found | {"summary": summary(found)}
        common.save("table", {"rows": {each: results[each] for each in ROWS if each in results}})
        shutil.rmtree(where(name, *missing))
        print(table_page.line(name, results[name]), flush=True)
    print(f"written to {table_page.write(results)}")


if __name__ == "__main__":
    main()
