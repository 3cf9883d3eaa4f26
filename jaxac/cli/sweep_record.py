"""The record of a sweep's overrides, which ``resume=`` reads."""

from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from jaxac.config.settings import key_of
from jaxac.storage import lock, records, run_directory


class SweepRecord(Callback):
    """A Hydra callback that writes a sweep's overrides to its directory before the first job."""

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Writes the record; Hydra calls it at the start of a sweep."""
        del kwargs
        directory = Path(config.hydra.sweep.dir)
        overrides = [*config.hydra.overrides.hydra, *config.hydra.overrides.task]
        if not run_directory.holds_sweep(directory):
            directory.mkdir(parents=True, exist_ok=True)
            lock.acquire(directory)  # until the process ends
            left_out = ("hydra.mode", "hydra.sweep.dir", *run_directory.PER_PROCESS)
            mine = [text for text in overrides if key_of(text) not in left_out]
            records.write_overrides(directory / run_directory.SWEEP, mine)


def add(directory: Path, override: str) -> None:
    """Puts an override into a sweep's record, as if it had been given."""
    if run_directory.holds_sweep(directory):
        record = directory / run_directory.SWEEP
        others = [text for text in records.read_overrides(record) if key_of(text) != key_of(override)]
        records.write_overrides(record, [*others, override])
