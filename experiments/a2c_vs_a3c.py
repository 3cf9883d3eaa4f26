"""A2C against A3C: what asynchrony costs or gives, and which part of it.

    python -m experiments.a2c_vs_a3c              every arm, 30 seeds: about an hour on 2 cores
    python -m experiments.a2c_vs_a3c --quick      a few arms, small: a minute
    python -m experiments.a2c_vs_a3c --only "K = 4" --only ladder    arms whose name or group has that in it
    python -m experiments.a2c_vs_a3c --into null --only synchronous --only "K = 1, c"    the null control, apart
    python -m experiments.a2c_vs_a3c --report     tables and plots again, from what is saved

CartPole-v1, 128 environments in all, unrolls of 16 steps, half a million environment steps, everything else as in the
default configuration. An arm first tries learning rates, ``--rates`` times its default (a lower one where pulls are
delayed), on ``--tuning-seeds`` seeds of their own, and takes the one with the highest mean return over all evaluations;
it is then run on ``--seeds`` other seeds, all at once (``vmap``), and so are the rates that would have been taken with
other tuning seeds in at least one of fifty cases. Results are saved arm by arm, so a stopped experiment goes on
where it was.

Intervals, at 95%, contain the choice of the rate: see :mod:`experiments.choice`. A seed *collapses* as in a report
(:func:`jaxac.report.statistics.collapses`). Seconds are not compared: arms that are the very same program took from 0.5
to 0.9 of them.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from experiments import choice
from experiments.a2c_vs_a3c_tables import A2C, plot, row, table, write_page
from experiments.common import RESULTS, learn_lanes, load, prepare, save
from jaxac import names
from jaxac.config.compose import make_config

PAGES = "a2c_vs_a3c"
"""Name of the results that the page is made of."""
EVALUATIONS = 20
OFTEN = 0.02
"""A rate is evaluated if it would be taken in at least this share of cases."""
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
    """One point of the grid that an arm is tuned on: a learning rate and, if it has one, a strength of compensation."""

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
    scores = np.array(tuning["returns"]).mean(axis=1).reshape(len(candidates), -1)  # [candidates, tuning seeds]
    chosen = int(scores.mean(axis=1).argmax())
    errors = scores.std(axis=1, ddof=1) / np.sqrt(size.tuning_seeds)
    taken = [n for n, share in enumerate(choice.shares(scores.mean(axis=1), errors)) if share >= OFTEN or n == chosen]
    final = lanes([candidates[n] for n in taken], range(size.seeds))
    curves = dict(zip(taken, np.array(final["returns"]).reshape(len(taken), size.seeds, -1), strict=True))
    staleness = np.array(final["metrics"].get(names.STALENESS, np.zeros(len(taken)))).reshape(len(taken), -1)
    return {
        **place,
        "overrides": list(base),
        **candidates[chosen]._asdict(),
        "candidates": [
            {
                **each._asdict(),
                "scores": np.round(scores[n], 2).tolist(),
                "results": np.round(curves[n].mean(axis=1), 2).tolist() if n in curves else None,
            }
            for n, each in enumerate(candidates)
        ],
        "env_steps": final["env_steps"],
        "returns": np.round(curves[chosen], 1).tolist(),
        "staleness": float(staleness[taken.index(chosen)].mean()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", help="arms whose name or group contains this")
    parser.add_argument("--quick", action="store_true", help="the ladder's first four arms, small")
    parser.add_argument("--into", default=PAGES, help="name of the results; other than the default, they write no page")
    parser.add_argument("--report", action="store_true", help="no training")
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--tuning-seeds", type=int, default=10)
    parser.add_argument("--rates", type=float, nargs="+", default=[1, 2, 4, 8, 16], help="times the arm's default")
    parser.add_argument("--num-envs", type=int, default=128)
    parser.add_argument("--env-steps", type=int, default=500_000)
    args = parser.parse_args()
    chosen = [arm for arm in arms() if not args.only or any(part in f"{arm.group} {arm.name}" for part in args.only)]
    name = args.into
    if args.quick:
        name, chosen = "a2c_vs_a3c_quick", chosen[:4]
        args.seeds, args.tuning_seeds, args.rates = 4, 2, [1, 4]  # 4 runs tune, 4 count: one program an arm
        args.num_envs, args.env_steps = 64, 200_000
    prepare()
    results: dict[str, Any] = {} if args.quick else load(name).get("arms", {})
    for number, arm in enumerate(chosen):
        if arm.name in results or args.report:
            continue
        results[arm.name] = run(arm, args, list(results.values()))
        save(name, {"arms": results})
        print(
            f"{number + 1}/{len(chosen)} {row(arm.name, results[arm.name], results.get(A2C, results[arm.name]))}",
            flush=True,
        )
    in_order = {arm.name: results[arm.name] for arm in arms() if arm.name in results}
    print(table(in_order))
    if name == PAGES:
        write_page(table(in_order))
    plot(in_order, list(CORRECTIONS), RESULTS / f"{name}.png")
    print(f"\nwritten to {RESULTS / name}.json and .png")


if __name__ == "__main__":
    main()
