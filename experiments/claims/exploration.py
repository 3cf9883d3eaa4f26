"""Better exploration? How soon MountainCar's car first reaches the flag while it learns, and where it has been by then.

Every step costs one, and an episode is cut after 200 of them; a policy that draws its actions evenly reaches the flag
in next to no episode. So the mean return of a row's episodes is above −200 from the first success on, and not before.
"""

from typing import Any

import numpy as np

from experiments.claims import arms
from experiments.claims.arms import Arm
from experiments.common import learn_lanes
from jaxac import names
from jaxac.config.compose import make_config

TASK = "MountainCar"
FAILED = -200.0
"""The return of an episode in which the flag was not reached."""
LOWEST, HIGHEST = np.array([-1.2, -0.07]), np.array([0.6, 0.07])
"""Position and velocity."""
CELLS = 20
"""Of each."""
LOOKS = 100
"""In which the environments are looked at, evenly over the run."""


class Coverage:
    """The cells of position and velocity in which any environment was found, in any look so far; by lane."""

    def __init__(self) -> None:
        self._found: np.ndarray | None = None

    def __call__(self, state: Any) -> dict[str, np.ndarray]:
        """Looks at the environments of the lanes' states; tells the share of cells ``[lanes]``."""
        car = state.actors.env_state
        places = np.stack([np.asarray(each) for each in (car.position, car.velocity)], axis=-1)
        cells = cell(places.reshape(places.shape[0], -1, 2))
        if self._found is None:
            self._found = np.zeros((len(cells), CELLS**2), bool)
        np.put_along_axis(self._found, cells, True, axis=1)
        return {"coverage": self._found.mean(axis=1)}


def cell(places: np.ndarray) -> np.ndarray:
    """[...] the numbers of the cells of ``places [..., 2]``."""
    parts = np.clip((places - LOWEST) / (HIGHEST - LOWEST) * CELLS, 0, CELLS - 1).astype(int)
    return parts[..., 0] * CELLS + parts[..., 1]


def compared(task: str) -> list[Arm]:
    """The arms that are compared on a task; none on any but one."""
    ladder = [arm for arm in arms.ladder() if arm.name in (arms.A2C, arms.TURN, arms.A3C)]
    return [*ladder, *arms.bonuses()] if task == TASK else []


def measure(base: tuple[str, ...], rate: float, seeds: int) -> dict[str, Any]:
    """Environment steps up to the first success, by seed, and the coverage of each at that time and at the end.

    Args:
        base: overrides that say all but the rate and the seed.
        rate: the learning rate.
        seeds: number of runs.
    """
    configs = [make_config(*base, f"optimizer.learning_rate={rate}", f"seed={seed}") for seed in range(seeds)]
    found = learn_lanes(configs, watch=Coverage())
    steps, coverage = np.array(found["env_steps"]), np.array(found["metrics"]["coverage"])
    succeeded = np.array(found["metrics"][names.EPISODE_RETURN]) > FAILED  # [seeds, looks]
    first = [int(row.argmax()) if row.any() else None for row in succeeded]
    return {
        "first_success": [None if look is None else int(steps[look]) for look in first],
        "coverage_then": [float(row[-1 if look is None else look]) for row, look in zip(coverage, first, strict=True)],
        "coverage": coverage[:, -1].tolist(),
    }
