"""A2C against A3C: what asynchrony costs or gives, and which part of it.

    python -m experiments.a2c_vs_a3c              every arm, 30 seeds: about 40 minutes on 2 cores
    python -m experiments.a2c_vs_a3c --quick      a few arms, small: two minutes
    python -m experiments.a2c_vs_a3c --only "K = 4" --only ladder    arms whose name or group has that in it
    python -m experiments.a2c_vs_a3c --retime     every arm's wall-clock again, on a quiet machine
    python -m experiments.a2c_vs_a3c --report     tables and plots again, from what is saved

CartPole-v1, 128 environments in all, unrolls of 16 steps, half a million environment steps, everything else as in the
default configuration. An arm first tries learning rates, ``--rates`` times its default (a lower one where pulls are
delayed), on ``--tuning-seeds`` seeds of their own, and takes the one with the highest mean return over all evaluations;
it is then run on ``--seeds`` other seeds, all at once (``vmap``). Results are saved arm by arm, so a stopped experiment
goes on where it was.

Mean returns have 95% bootstrap intervals over seeds, differences likewise (SciPy). A seed *collapses* if an evaluation
falls under 400 after an earlier one has reached 475. Wall-clock is that of a single run, timed apart; the table holds
every arm against A2C after as many seconds as the faster of the two takes.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from experiments.common import RESULTS, learn_lanes, load, make_config, save

PAGE = Path(__file__).with_suffix(".md")
MARKERS = ("<!-- tables, written by the experiment -->", "<!-- end of the tables -->")
EVALUATIONS = 20
A2C = "A2C, synchronous mean"
A3C = "A3C: shuffled arrival, pull after push"
CORRECTIONS = {
    "none": (),
    "η/τ": ("algo.correction=learning_rate",),
    "DC-ASGD": ("algo.correction=delay_compensation",),
}
COMPENSATIONS = (1e3, 1e4)
"""λ of DC-ASGD, tuned with the learning rate. Far above the paper's, since gradients are small here: rewards are scaled
by 0.01, and a square of a mean over a batch is less than the mean of squares that it stands for."""
RMSPROP = ("optimizer=rmsprop", "optimizer.learning_rate=3e-4")


@dataclass(frozen=True)
class Arm:
    """One way to train, and where it stands in the tables."""

    group: str
    name: str
    overrides: tuple[str, ...]
    staleness: float | None = None
    """The abscissa of the group's plot, if it has one."""
    correction: str = "none"
    rate_factor: float = 1.0
    """The grid of rates starts at the default times this: lower where delays ask for it, higher where η/τ lowers it."""


class Candidate(NamedTuple):
    """What is tuned."""

    learning_rate: float
    compensation: float | None

    def overrides(self) -> list[str]:
        strength = [] if self.compensation is None else [f"algo.compensation={self.compensation}"]
        return [f"optimizer.learning_rate={self.learning_rate}", *strength]


def arms() -> Iterator[Arm]:
    """Every arm. The ladder adds one thing at a time; the curves turn one knob."""
    a3c = ("+algo=a3c", "algo.num_shards=16")
    yield Arm("ladder", A2C, ("+algo=a2c", "algo.num_shards=16"))
    yield Arm("ladder", "workers in turn, nothing stale", (*a3c, "algo.max_staleness=0"))
    yield Arm("ladder", "gradients of the round's start, applied one by one", (*a3c, "algo.pull_at=round"))
    yield Arm("ladder", A3C, a3c)
    for name, distribution in (
        ("random delays (geometric, mean 8)", "geometric"),
        ("heavy tails (Pareto, mean 8)", "pareto"),
    ):
        yield Arm("ladder", name, (*a3c, f"algo.delay.distribution={distribution}", "algo.delay.mean=8"))
    for correction, overrides in CORRECTIONS.items():
        for shards in (16, 64) if overrides else (1, 4, 16, 64):
            chosen = ("+algo=a3c", f"algo.num_shards={shards}", *overrides)
            name = f"K = {shards}, correction {correction}"
            yield Arm("shards", name, chosen, shards, correction, max(1, shards - 1) if correction == "η/τ" else 1)
    for correction, overrides in CORRECTIONS.items():
        for delay in (0, 64) if overrides else (0, 16, 64):
            delayed = ("algo.delay.distribution=constant", f"algo.delay.mean={delay}") if delay else ()
            name, chosen = f"delay {delay}, correction {correction}", (*a3c, *overrides, *delayed)
            yield Arm("delays", name, chosen, delay, correction, 15 if correction == "η/τ" else 15 / (15 + delay))
    for shared in ("true", "false"):
        name = f"RMSProp, {'shared' if shared == 'true' else 'own'} statistics"
        yield Arm("statistics", name, (*a3c, *RMSPROP, f"algo.shared_statistics={shared}"))


def run(arm: Arm, size: argparse.Namespace, before: list[dict[str, Any]]) -> dict[str, Any]:
    """Tunes, then trains; unless an arm of another group was the same."""
    place = {"group": arm.group, "abscissa": arm.staleness, "correction": arm.correction}
    base = (*arm.overrides, f"env.num_envs={size.num_envs}", f"total_env_steps={size.env_steps}")
    base = (*base, f"evaluation.every={size.env_steps // EVALUATIONS}", "evaluation.episodes=64")
    for result in before:
        if result["overrides"] == list(base):
            return {**result, **place}
    rate = make_config(*base).optimizer.learning_rate
    assert rate is not None

    def lanes(candidates: list[Candidate], seeds: range) -> dict[str, Any]:
        return learn_lanes([make_config(*base, *each.overrides(), f"seed={n}") for each in candidates for n in seeds])

    compensations = COMPENSATIONS if arm.correction == "DC-ASGD" else (None,)
    candidates = [
        Candidate(rate * arm.rate_factor * factor, strength) for factor in size.rates for strength in compensations
    ]
    tuning = lanes(candidates, range(1000, 1000 + size.tuning_seeds))
    scores = np.array(tuning["returns"]).reshape(len(candidates), -1).mean(axis=1)
    chosen = candidates[int(scores.argmax())]
    final = lanes([chosen], range(size.seeds))
    return {
        **place,
        "overrides": list(base),
        "learning_rate": chosen.learning_rate,
        "compensation": chosen.compensation,
        "tuning": [[*each, score] for each, score in zip(candidates, scores.tolist(), strict=True)],
        "env_steps": final["env_steps"],
        "returns": np.round(final["returns"], 1).tolist(),
        "staleness": float(np.mean(final["metrics"].get("staleness_mean", 0.0))),
        "seconds_per_run": seconds_per_run(base),
    }


def seconds_per_run(overrides: tuple[str, ...]) -> float:
    """Of training a single seed: the fastest of a few chunks, extended to the whole run."""
    import jax

    from jaxac import program, spec

    config = make_config(*overrides)
    numbers = spec.make(config)
    built = program.compile_program(config, numbers)
    state, updates, taken = built.init(numbers, program.keys(0)[0]), max(1, config.num_updates // 8), []
    for _ in range(5):
        start = time.perf_counter()
        state, report = built.chunk(numbers, state, updates)
        jax.block_until_ready(report)
        taken.append(time.perf_counter() - start)
    return min(taken) / updates * config.num_updates


def interval(values: np.ndarray) -> tuple[float, float]:
    """The 95% bootstrap interval of the mean."""
    if np.ptp(values) == 0:
        return float(values[0]), float(values[0])
    found = stats.bootstrap((values,), np.mean, method="percentile", rng=np.random.default_rng(0)).confidence_interval
    return float(found.low), float(found.high)


def at_seconds(result: dict[str, Any], seconds: float) -> np.ndarray:
    """[seeds] the returns after so many seconds of one run, interpolated between evaluations."""
    steps = np.array(result["env_steps"])
    when = steps / steps[-1] * result["seconds_per_run"]
    return np.array([np.interp(seconds, when, curve) for curve in result["returns"]])


def row(name: str, result: dict[str, Any], a2c: dict[str, Any]) -> str:
    """A line of the table."""
    curves = np.array(result["returns"])
    final, area = curves[:, -1], curves.mean(axis=1)
    low, high = interval(area)
    first = np.array([np.argmax(curve >= 475) if (curve >= 475).any() else len(curve) for curve in curves])
    collapsed = [(curve[start:] < 400).any() for start, curve in zip(first, curves, strict=True)]
    difference = interval(area - np.array(a2c["returns"]).mean(axis=1))
    seconds = min(result["seconds_per_run"], a2c["seconds_per_run"])
    at_equal_time = at_seconds(result, seconds) - at_seconds(a2c, seconds)
    timed = interval(at_equal_time)
    cells = [
        name,
        f"{result['learning_rate']:.2g}",
        f"{result['staleness']:.1f}",
        f"{area.mean():.0f} [{low:.0f}, {high:.0f}]",
        f"[{difference[0]:+.0f}, {difference[1]:+.0f}]",
        f"{final.mean():.0f}",
        f"{np.mean(final >= 475):.0%}",
        f"{np.mean(collapsed):.0%}",
        f"{result['seconds_per_run']:.2f}",
        f"[{timed[0]:+.0f}, {timed[1]:+.0f}]",
    ]
    return f"| {' | '.join(cells)} |"


HEADER = (
    "| arm | η | staleness | mean return [95%] | minus A2C [95%] | at the end | solved | collapsed | s a run "
    "| minus A2C at equal seconds [95%] |\n|---|---|---|---|---|---|---|---|---|---|"
)


def table(results: dict[str, Any]) -> str:
    """Every arm, group by group."""
    lines = []
    for group in dict.fromkeys(result["group"] for result in results.values()):
        lines += [f"\n**{group}**\n", HEADER]
        lines += [row(name, result, results[A2C]) for name, result in results.items() if result["group"] == group]
    return "\n".join(lines)


def plot(results: dict[str, Any], path: Any) -> None:
    """Learning curves of the ladder, and mean return against shards and delays."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 4), layout="constrained", dpi=110)
    curves, *knobs = figure.subplots(1, 3)
    for name, result in results.items():
        if result["group"] == "ladder":
            values, steps = np.array(result["returns"]), np.array(result["env_steps"]) / 1e6
            bounds = np.array([interval(column) for column in values.T])
            (line,) = curves.plot(steps, values.mean(axis=0), label=name, linewidth=1.2)
            curves.fill_between(steps, *bounds.T, color=line.get_color(), alpha=0.15, linewidth=0)
    curves.set(xlabel="million environment steps", ylabel="evaluation return", title="The ladder (mean, 95%)")
    curves.legend(fontsize=6.5)
    for axes, group, label in zip(
        knobs, ("shards", "delays"), ("shards K", "delay of pulls, in versions"), strict=True
    ):
        for correction in CORRECTIONS:
            chosen = [r for r in results.values() if r["group"] == group and r["correction"] == correction]
            if chosen:
                areas = [np.array(result["returns"]).mean(axis=1) for result in chosen]
                means, bounds = [area.mean() for area in areas], np.array([interval(area) for area in areas])
                errors = np.abs(bounds.T - np.array(means))
                axes.errorbar([r["abscissa"] for r in chosen], means, errors, marker="o", capsize=2, label=correction)
        axes.set(xlabel=label, ylabel="mean return over the run", title=f"{group.capitalize()}, with corrections")
        if axes.has_data():
            axes.legend(title="correction", fontsize=7)
    knobs[0].set_xscale("log", base=2)
    for axes in (curves, *knobs):
        axes.grid(alpha=0.3)
    figure.savefig(path)


def write_page(text: str) -> None:
    """Puts the tables into the page that reads them, between its markers."""
    before, rest = PAGE.read_text().split(MARKERS[0])
    after = rest.split(MARKERS[1])[1]
    PAGE.write_text(f"{before}{MARKERS[0]}\n{text}\n\n{MARKERS[1]}{after}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", help="arms whose name or group contains this")
    parser.add_argument("--quick", action="store_true", help="the ladder's first four arms, small")
    parser.add_argument("--report", action="store_true", help="no training")
    parser.add_argument("--retime", action="store_true", help="no training but what timing every arm again takes")
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--tuning-seeds", type=int, default=3)
    parser.add_argument("--rates", type=float, nargs="+", default=[1, 2, 4, 8, 16], help="times the arm's default")
    parser.add_argument("--num-envs", type=int, default=128)
    parser.add_argument("--env-steps", type=int, default=500_000)
    args = parser.parse_args()
    chosen = [arm for arm in arms() if not args.only or any(part in f"{arm.group} {arm.name}" for part in args.only)]
    name = "a2c_vs_a3c"
    if args.quick:
        name, chosen = "a2c_vs_a3c_quick", chosen[:4]
        args.seeds, args.tuning_seeds, args.rates, args.num_envs, args.env_steps = 5, 2, [1, 4], 64, 200_000
    from jaxac import machine

    machine.keep_freed_memory()
    machine.enable_compilation_cache("auto")
    results: dict[str, Any] = {} if args.quick else load(name).get("arms", {})
    for number, arm in enumerate(chosen):
        if arm.name in results or args.report or args.retime:
            continue
        results[arm.name] = run(arm, args, list(results.values()))
        save(name, {"arms": results})
        print(
            f"{number + 1}/{len(chosen)} {row(arm.name, results[arm.name], results.get(A2C, results[arm.name]))}",
            flush=True,
        )
    if args.retime:
        for result in results.values():
            result["seconds_per_run"] = seconds_per_run(tuple(result["overrides"]))
        save(name, {"arms": results}, load(name)["command"])
    in_order = {arm.name: results[arm.name] for arm in arms() if arm.name in results}
    print(table(in_order))
    if not args.quick:
        write_page(table(in_order))
    plot(in_order, RESULTS / f"{name}.png")
    print(f"\nwritten to {RESULTS / name}.json and .png")


if __name__ == "__main__":
    main()
