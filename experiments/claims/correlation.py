"""Are successive updates less correlated? The cosine between the server's successive gradients, and their noise.

Gradients come to the server as it takes them: the mean of all shards' for A2C, one shard's after the other for A3C.
"""

from typing import Any

from experiments.claims import arms
from experiments.claims.arms import Arm
from experiments.common import learn_lanes
from jaxac import names
from jaxac.config.compose import make_config

WATCHED = ("algo.watch_gradients=true",)
LOOKS = 1
"""In which runs are looked at: at their end, of all steps together."""


def measure(base: tuple[str, ...], rate: float, seeds: int) -> dict[str, Any]:
    """The mean cosine and the mean noise of a run's gradients, by seed.

    Args:
        base: overrides that say all but the rate and the seed.
        rate: the learning rate.
        seeds: number of runs.
    """
    configs = [make_config(*base, *WATCHED, f"optimizer.learning_rate={rate}", f"seed={n}") for n in range(seeds)]
    found = learn_lanes(configs)["metrics"]
    return {
        name: [row[-1] for row in found[metric]]
        for name, metric in (("cosine", names.GRADIENT_COSINE), ("noise", names.GRADIENT_NOISE))
    }


def compared(task: str) -> list[Arm]:
    """The arms whose gradients are compared, on every task."""
    del task
    return [arm for arm in arms.ladder() if arm.name in (arms.A2C, arms.TURN, arms.ROUND, arms.A3C)]
