"""The counts of a run that its host keeps."""

import dataclasses
import secrets
from dataclasses import dataclass

from jaxac import names
from jaxac.loggers.base import Row
from jaxac.storage.checkpoint import Checkpoint


@dataclass
class Progress:
    """Counts kept by the host; part of every checkpoint, so that a resumed run continues them."""

    run_id: str = dataclasses.field(default_factory=lambda: secrets.token_hex(4))
    """Identity of the run, at Weights & Biases too."""
    train_seconds: float = 0.0
    """Seconds of training, evaluations included."""
    row_updates: int = 0
    """Updates of the row in the middle of which the run was stopped; 0 at a row's end."""
    row_seconds: float = 0.0
    """Seconds of training of these."""
    wall_seconds: float = 0.0
    """Seconds since the run was opened, over all of its sessions."""
    compile_seconds: float = 0.0
    """Seconds of compilation."""
    env_steps_to_threshold: int | None = None
    """Environment steps before the first evaluation that reached the threshold."""
    seconds_to_threshold: float | None = None
    """Seconds of training before that evaluation."""
    in_blocks: bool = False
    """True if it is trained as a lane of a block, on which its last bits depend: so it stays one, also by itself."""
    evaluation: Row = dataclasses.field(default_factory=lambda: dict.fromkeys(names.EVALUATION))
    """The latest evaluation."""
    best_eval_return_mean: float | None = None
    """The highest mean of an evaluation so far."""
    best_env_steps: int | None = None
    """Environment steps before that evaluation."""


def progress_of(start: Checkpoint | None) -> Progress:
    """The counts in a checkpoint, or of a new run; those of a later version that are not known here are left out."""
    known = {field.name for field in dataclasses.fields(Progress)}
    return Progress(**{name: value for name, value in (start.progress if start else {}).items() if name in known})
