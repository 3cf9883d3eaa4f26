"""The claims about A3C, tested: is it faster, does it explore better, are its updates less correlated, does it help?

    python -m experiments.claims                             every task and arm, 30 seeds: a night on 2 cores
    python -m experiments.claims --tasks CartPole Acrobot    some tasks
    python -m experiments.claims --only ladder               arms whose name or group has that in it
    python -m experiments.claims --quick                     a few arms of CartPole, small: a minute
    python -m experiments.claims --report                    tables and figures again, from what is saved

Every task has 128 environments in all, unrolls of 16 steps, 16 shards where there are shards, and its default
configuration otherwise. An arm first tries learning rates, ``--rates`` times its default, on ``--tuning-seeds`` seeds
of their own, and takes the one with the highest mean return over all evaluations; it is then trained on ``--seeds``
others, and so are the rates that would have been taken with other tuning seeds in at least one of fifty cases. Results
are saved arm by arm, so an experiment that was stopped goes on where it was.

Intervals contain the choice of the rate: see :mod:`experiments.choice`.
"""

import argparse
import math
from typing import Any, NamedTuple

from experiments.claims import arms, clock, correlation, exploration, figures, page, tables, trial
from experiments.claims.arms import Arm
from experiments.claims.tasks import NUM_ENVS, TASKS, UNROLL, Task
from experiments.common import RESULTS, load, parts, prepare, save
from jaxac.config.compose import make_config

NAME = "claims"
COMMAND = "python -m experiments.claims"
EVALUATIONS = 20


class Size(NamedTuple):
    """How large the experiment is."""

    budget: trial.Budget
    num_envs: int = NUM_ENVS
    env_steps: int | None = None
    """Of a run in which nobody waits; None for the task's own."""


def overrides(task: Task, arm: Arm, size: Size, evaluations: int = EVALUATIONS) -> tuple[str, ...]:
    """All that is typed for an arm on a task, but the rate and the seed.

    Arms are compared at equal time, in which as many rounds fit as a run of ``task.env_steps`` has in which nobody
    waits; those of more workers at equal environment steps.
    """
    num_envs = arm.num_envs or size.num_envs
    base = (*arm.overrides, *task.overrides, f"env.num_envs={num_envs}")
    config = make_config(*base)
    rounds = math.ceil((size.env_steps or task.env_steps) / (num_envs * UNROLL)) // arm.waits
    every = max(1, rounds // evaluations) * config.steps_per_update
    return (
        *base,
        f"total_env_steps={config.env_steps(rounds)}",
        f"evaluation.every={every}",
        "evaluation.episodes=64",
    )


def chosen(task: Task, args: argparse.Namespace) -> list[Arm]:
    """The arms of a task that are asked for."""
    if args.quick:
        return [*arms.ladder()][:2] + [*arms.unequal()][:2]
    every = arms.arms(task.more)
    return [arm for arm in every if not args.only or any(part in f"{arm.group} {arm.name}" for part in args.only)]


def train(name: str, args: argparse.Namespace, size: Size, results: dict[str, Any]) -> None:
    """Trains the arms of a task that have no results yet; each is saved at once."""
    task = TASKS[name]
    found = results["tasks"].setdefault(name, {})
    for arm in chosen(task, args):
        if arm.name not in found:
            often = 5 * EVALUATIONS if arm.group == "workers" else EVALUATIONS
            found[arm.name] = trial.run(arm, overrides(task, arm, size, often), size.budget, list(found.values()))
            save(args.into, results, COMMAND)
            if arms.A2C in found:
                print(f"{name}: {tables.row(arm.name, found)}", flush=True)


def look(name: str, size: Size, results: dict[str, Any]) -> None:
    """Measures gradients, and exploration, at the rates that were chosen, where there are no results yet."""
    task, found = TASKS[name], results["tasks"][name]
    for question, module in (("correlation", correlation), ("exploration", exploration)):
        told = results.setdefault(question, {}).setdefault(name, {})
        for arm in module.compared(name):
            if arm.name in found and arm.name not in told:
                base = overrides(task, arm, size, module.LOOKS)
                told[arm.name] = module.measure(base, found[arm.name]["learning_rate"], size.budget.seeds)
                save(NAME, results, COMMAND)
                print(f"{name}, {question}: {tables.look(arm.name, told[arm.name])}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--only", action="append", help="arms whose name or group contains this")
    parser.add_argument("--quick", action="store_true", help="a few arms of CartPole, small")
    parser.add_argument("--report", action="store_true", help="no training")
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--tuning-seeds", type=int, default=10)
    parser.add_argument("--rates", type=float, nargs="+", default=[0.5, 1, 2, 4, 8, 16], help="times the arm's default")
    args = parser.parse_args()
    args.into, size = NAME, Size(trial.Budget(args.seeds, args.tuning_seeds, args.rates))
    if args.quick:  # 4 runs tune, 4 count: one program an arm
        args.into, args.tasks = f"{NAME}_quick", ["CartPole"]
        size = Size(trial.Budget(seeds=4, tuning_seeds=2, rates=[1, 4]), num_envs=64, env_steps=100_000)
    prepare()
    results: dict[str, Any] = {"tasks": {}}
    if not args.quick:
        results |= parts(load(NAME), "tasks", "correlation", "exploration")
    for name in [] if args.report else args.tasks:
        train(name, args, size, results)
        if not args.quick:
            look(name, size, results)
    print(tables.tables(results["tasks"]))
    if args.quick:
        figures.draw(results, RESULTS / args.into)
    else:
        page.write({**results, "clock": load(clock.NAME)})


if __name__ == "__main__":
    main()
