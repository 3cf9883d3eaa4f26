"""A trial: an arm is tuned on some seeds, and then trained on others, with every rate that it may have taken."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from experiments import choice
from experiments.claims.arms import Arm
from experiments.common import learn_lanes
from jaxac import names
from jaxac.config.compose import make_config

OFTEN = 0.02
"""A rate is evaluated if it would be taken in at least this share of cases."""
FIRST_TUNING_SEED = 1000
COMPENSATIONS = (1e3, 1e4)
"""λ of DC-ASGD, tuned with the learning rate. Far above the paper's, since gradients are small here: rewards are scaled
by 0.01, and a square of a mean over a batch is less than the mean of squares that it stands for."""


class Budget(NamedTuple):
    """How much every arm may try."""

    seeds: int
    tuning_seeds: int
    rates: Sequence[float]
    """Learning rates to try, times the arm's default."""


class Candidate(NamedTuple):
    """One point of the grid that an arm is tuned on: a learning rate and, if it has one, a strength of compensation."""

    learning_rate: float
    compensation: float | None

    def overrides(self) -> list[str]:
        strength = [] if self.compensation is None else [f"algo.compensation={self.compensation}"]
        return [f"optimizer.learning_rate={self.learning_rate}", *strength]


def run(arm: Arm, base: tuple[str, ...], budget: Budget, before: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Tunes, then trains; unless another arm was the same.

    Args:
        arm: the arm.
        base: overrides that say all but the rate and the seed.
        budget: how much it may try.
        before: results of other arms.
    """
    for result in before:
        if result["overrides"] == list(base):
            return result
    candidates = grid(arm, base, budget)
    tuning = _lanes(base, candidates, range(FIRST_TUNING_SEED, FIRST_TUNING_SEED + budget.tuning_seeds))
    scores = np.array(tuning["returns"]).mean(axis=1).reshape(len(candidates), -1)  # [candidates, tuning seeds]
    chosen = int(scores.mean(axis=1).argmax())
    errors = scores.std(axis=1, ddof=1) / np.sqrt(budget.tuning_seeds)
    taken = [n for n, share in enumerate(choice.shares(scores.mean(axis=1), errors)) if share >= OFTEN or n == chosen]
    final = _lanes(base, [candidates[n] for n in taken], range(budget.seeds))
    curves = dict(zip(taken, np.array(final["returns"]).reshape(len(taken), budget.seeds, -1), strict=True))
    staleness = np.array(final["metrics"].get(names.STALENESS, np.zeros(len(taken)))).reshape(len(taken), -1)
    return {
        "overrides": list(base),
        **candidates[chosen]._asdict(),
        "candidates": [
            {
                **each._asdict(),
                "scores": np.round(scores[n], 3).tolist(),
                "results": np.round(curves[n].mean(axis=1), 3).tolist() if n in curves else None,
            }
            for n, each in enumerate(candidates)
        ],
        "env_steps": final["env_steps"],
        "returns": np.round(curves[chosen], 3).tolist(),
        "staleness": float(staleness[taken.index(chosen)].mean()),
    }


def grid(arm: Arm, base: tuple[str, ...], budget: Budget) -> list[Candidate]:
    """The points that an arm is tuned on."""
    rate = make_config(*base).optimizer.learning_rate
    assert rate is not None
    compensations = COMPENSATIONS if arm.correction == "DC-ASGD" else (None,)
    return [
        Candidate(rate * arm.rate_factor * factor, strength) for factor in budget.rates for strength in compensations
    ]


def _lanes(base: tuple[str, ...], candidates: list[Candidate], seeds: range) -> dict[str, Any]:
    """Runs of all candidates on all seeds, ``returns [candidates · seeds][E]``, as lanes of one program."""
    configs = [make_config(*base, *each.overrides(), f"seed={seed}") for each in candidates for seed in seeds]
    return learn_lanes(configs)
