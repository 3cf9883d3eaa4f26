import pytest

from jaxac.storage import checkpoint, run_directory
from jaxac.storage.checkpoint import Checkpoint


def leave_checkpoint(directory):
    checkpoint.write(directory / run_directory.CHECKPOINTS, Checkpoint(1, {}, b""), keep=1)


def leave_seeds(directory):
    (directory / run_directory.SEEDS).mkdir()


@pytest.mark.parametrize("leave", [leave_checkpoint, leave_seeds])
def test_a_run_has_begun_once_there_is_something_to_resume(tmp_path, leave):
    for name in (run_directory.CONFIG, run_directory.OVERRIDES):
        (tmp_path / name).write_text("{}")
    assert not run_directory.has_begun(tmp_path)
    leave(tmp_path)
    assert run_directory.has_begun(tmp_path)
    (tmp_path / run_directory.CONFIG).unlink()
    assert not run_directory.has_begun(tmp_path)
