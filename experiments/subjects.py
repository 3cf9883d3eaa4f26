"""Small runs to be hurt."""

from pathlib import Path
from typing import NamedTuple

from jaxac.storage import run_directory

_SIZES = ("env.num_envs=8", "algo.unroll_length=4", "network.hidden_sizes=[8]", "evaluation.episodes=8")
_STEPS = {"total_env_steps": 64_000, "logger.every": 640, "checkpoint.every": 1600, "evaluation.every": 16_000}
_QUIET = ("logger.curve=false", "logger.gif=false")


class Subject(NamedTuple):
    """A command whose run is hurt."""

    arguments: tuple[str, ...]
    runs: tuple[str, ...] = (".",)
    """Directories of its single runs."""
    processes: int = 1
    """The processes that train it together."""
    length: int = 1
    """How many times as long as others it is."""

    @property
    def is_sweep(self) -> bool:
        """True if it trains several jobs."""
        return "-m" in self.arguments

    @property
    def is_replayed(self) -> bool:
        """True if only a replay tells how it ought to end."""
        return bool({"algo.runtime=threads", "algo.runtime=ray"} & set(self.arguments))

    def command(self, directory: Path) -> list[str]:
        """The arguments that begin it in a directory."""
        place = "hydra.sweep.dir" if self.is_sweep else "hydra.run.dir"
        steps = [f"{name}={self.length * number}" for name, number in _STEPS.items()]
        return [*self.arguments, *_SIZES, *steps, *_QUIET, f"{place}={directory}"]

    def is_complete(self, directory: Path) -> bool:
        """True if all of its runs have ended."""
        found = [run_directory.read_summary(directory / run) for run in self.runs]
        return all(summary.get("status") == "completed" for summary in found)


_THREE = ("0", "1", "2")
SUBJECTS = {
    "a2c": Subject(("algo=a2c",)),
    "a3c": Subject(("algo=a3c", "algo.num_shards=4", "algo.delay.distribution=geometric", "algo.delay.mean=2")),
    "threads": Subject(("algo=a3c", "algo.num_shards=2", "algo.runtime=threads")),
    "sweep": Subject(("-m", "hydra/launcher=vmap", "hydra.launcher.how=blocks", "algo=a2c", "seed=0,1,2"), _THREE),
    "seeds": Subject(("algo=a2c", "num_seeds=3"), tuple(f"seeds/{seed}" for seed in _THREE)),
}
