"""The job for Slurm, with an srun that only says what it was asked to do."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "experiments" / "cluster" / "hosts_slurm.sh"
SRUN = """#!/usr/bin/env bash
echo "$@" >>asked
trap 'mkdir -p outputs/slurm-7/checkpoints; touch outputs/slurm-7/checkpoints/1.ckpt; exit 138' USR1
trap 'exit 143' TERM
[ "$STAYS" = yes ] || exit "$ENDS"
touch began
for _ in $(seq 200); do sleep 0.05; done
"""


@pytest.fixture
def job(tmp_path):
    """``job(STAYS=…, ENDS=…)``: the script's process, whose step stays until it is told to end, or ends at once."""
    for name, text in {"srun": SRUN, "scontrol": '#!/usr/bin/env bash\necho scontrol "$@" >>asked\n'}.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)

    def start(**variables):
        environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "SLURM_JOB_ID": "7", **variables}
        return subprocess.Popen(["bash", SCRIPT, "+algo=a2c"], cwd=tmp_path, env=environment)

    return start


def asked(directory):
    return (directory / "asked").read_text().splitlines()


def begun(directory):
    until = time.monotonic() + 60
    while not (directory / "began").exists():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_job_whose_time_is_up_is_started_again_where_it_was(job, tmp_path):
    first = job(STAYS="yes")
    begun(tmp_path)
    first.send_signal(signal.SIGUSR1)
    assert first.wait(60) == 138
    train = "--kill-on-bad-exit=1 python -m jaxac.train"
    assert asked(tmp_path) == [f"{train} +algo=a2c hydra.run.dir=outputs/slurm-7", "scontrol requeue 7"]
    assert job(STAYS="no", ENDS="0").wait(60) == 0
    assert asked(tmp_path)[2:] == [f"{train} resume=outputs/slurm-7"]


def test_a_job_that_is_cancelled_or_fails_is_not_started_again(job, tmp_path):
    cancelled = job(STAYS="yes")
    begun(tmp_path)
    cancelled.send_signal(signal.SIGTERM)
    assert cancelled.wait(60) == 143
    assert job(STAYS="no", ENDS="2").wait(60) == 2
    assert not [line for line in asked(tmp_path) if line.startswith("scontrol")]
