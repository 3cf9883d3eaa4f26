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
from typing import Any

from experiments.a2c_vs_a3c_tables import plot, row, table, write_page
from experiments.claims import trial
from experiments.claims.arms import A2C, CORRECTIONS, NULL, Arm, knobs, ladder
from experiments.common import RESULTS, load, prepare, save

PAGES = "a2c_vs_a3c"
"""Name of the results that the page is made of."""
EVALUATIONS = 20


def arms() -> Iterator[Arm]:
    """Every arm. The ladder adds one thing at a time; the curves turn one knob."""
    yield from (arm for arm in ladder() if arm.name != NULL)
    yield from knobs()


def run(arm: Arm, args: argparse.Namespace, before: list[dict[str, Any]]) -> dict[str, Any]:
    """Tunes, then trains; unless an arm of another group was the same."""
    base = (*arm.overrides, f"env.num_envs={args.num_envs}", f"total_env_steps={args.env_steps}")
    base = (*base, f"evaluation.every={args.env_steps // EVALUATIONS}", "evaluation.episodes=64")
    return trial.run(arm, base, trial.Budget(args.seeds, args.tuning_seeds, args.rates), before)


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
