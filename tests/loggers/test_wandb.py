"""Weights & Biases, whose process writes what it is sent."""

import io
import json
import os
import pickle
import signal
import subprocess
import sys
import time
from multiprocessing import Pipe
from pathlib import Path

import numpy as np
import pytest
import wandb

from jaxac.errors import ConfigError
from jaxac.loggers import wandb as wandb_logger
from jaxac.loggers import wandb_process, wandb_writer
from jaxac.loggers.wandb import Wandb
from jaxac.loggers.wandb_writer import Writer
from tests.loggers.test_loggers import ROW, SUMMARY
from tests.processes import environment
from tests.whole_runs import train

PATIENCE = 60
SHORTLY = 3.0
"""Seconds in which a row reaches the disk: W&B's two, and one for a machine at work."""


@pytest.fixture(autouse=True)
def own_process():
    """Every test begins its own, and waits for its end."""
    wandb_process.end()
    yield
    wandb_process.end()


@pytest.fixture
def offline(small_config, tmp_path):
    """The logger of an offline run."""
    return Wandb(small_config("logger.wandb.mode=offline"), tmp_path, "abcd1234", None)


def log_of(directory):
    """The file that holds an offline run."""
    (path,) = directory.glob("wandb/offline-run-*/run-*.wandb")
    return path


def records(directory):
    """All that an offline run holds, in order, as ``wandb`` itself reads it back."""
    command = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(log_of(directory))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def steps(directory):
    """``env_steps`` of the rows of an offline run, in order."""
    return [int(each["history"]["item"]["env_steps"]) for each in records(directory) if each["type"] == "history"]


def test_a_histogram_has_bins_of_one_width_and_loses_nothing():
    counts, edges = wandb_writer._at_most_512_bins([1, 2, 3])
    assert (counts.tolist(), edges.tolist()) == ([1, 2, 3], [0, 1, 2, 3])
    counts, edges = wandb_writer._at_most_512_bins([1] * 1025)
    assert counts.sum() == 1025 and len(counts) <= 512 and set(np.diff(edges)) == {3}


def test_wandb_gets_histograms_and_a_line_a_shard(tmp_path):
    writer = Writer({"id": "abcd1234", "dir": str(tmp_path), "mode": "offline"}, {})
    writer.log({**ROW, "async/staleness_histogram": [3, 0, 1], "async/shard_env_steps": [64, 32]})
    spread = dict(
        writer._spread({"async/staleness_histogram": [3, 0, 1], "async/shard_env_steps": [64, 32], "x": None})
    )
    assert spread.pop("async/staleness_histogram").histogram == [3, 0, 1]
    assert spread == {"async/shard_env_steps/0": 64, "async/shard_env_steps/1": 32}
    assert dict(writer._spread({"async/staleness_histogram": []})) == {}
    writer.finish({}, [], 0)
    wandb.teardown()


def test_wandb_online_without_an_account_is_one_sentence(small_config, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    with pytest.raises(ConfigError, match=r"logger\.wandb\.mode=online .*offline"):
        Wandb(small_config("logger.wandb.mode=online"), tmp_path, "abcd1234", None)


@pytest.fixture
def offline_run(small_config, tmp_path):
    """A finished offline run of W&B's, as ``wandb`` itself reads it back."""
    config = small_config("logger.wandb.mode=offline", "logger.wandb.tags=[mine]", "logger.wandb.group=ours")
    logger = Wandb(config, tmp_path, "abcd1234", None)
    for updates in (1, 2):
        logger.log({**ROW, "updates": updates, "env_steps": 100 * updates, "async/server_steps": 4})
    more = {
        "eval/best_return_mean": 490.0,
        "versions": {"jax": "0.10.2"},
        "git": {"jaxac": {"dirty": True}},
        "by_seed": {"0": {"status": "x"}},
    }
    logger.finish({**SUMMARY, **more}, [], 0)
    wandb_process.end()  # waits for W&B's own process, which writes behind; the end of a command does
    return log_of(tmp_path)


def test_wandb_holds_the_run_offline(offline_run):
    assert offline_run.stat().st_size > 0
    content = offline_run.read_bytes()
    assert b"CartPole-v1-a2c-s0" in content
    for expected in (b"abcd1234", b"mine", b"ours", b"CartPole-v1", b"train/policy_loss", b"num_envs"):
        assert expected in content


def test_wandbs_own_reader_finds_history_and_summary(offline_run):
    """As plain names: the last values, and the best evaluation beside them."""
    command = [sys.executable, "-m", "wandb", "leet", "inspect", "--summary", str(offline_run.parent)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = dict(line.split(maxsplit=1) for line in done.stdout.splitlines() if len(line.split()) == 2)
    assert (found["eval/return_mean"], found["eval/best_return_mean"], found["time/sps_mean"]) == ("480", "490", "2000")
    assert (
        found["versions.jax"] == "0.10.2" and found["async/server_steps"] == "4" and found["git.jaxac.dirty"] == "true"
    )
    assert not any(name.endswith((".max", ".last", ".min")) or name.startswith("by_seed") for name in found)


@pytest.mark.parametrize(
    "overrides, run, group, expected",
    [
        ((), "x", None, "CartPole-v1-a2c-s0"),
        (("+algo=a3c", "algo.num_shards=2", "seed=3", "num_seeds=4"), "x", None, "CartPole-v1-a3c-s3-6"),
        (("env.name=tests.probe_envs:NotANumber",), "12", "sweep", "NotANumber-a2c-s0-job12"),
    ],
)
def test_a_wandb_run_has_a_name_that_can_be_read(small_config, tmp_path, overrides, run, group, expected):
    assert wandb_logger.name_of(small_config(*overrides), tmp_path / run, group) == expected


def test_rows_are_written_in_their_order_with_the_times_of_their_logging(offline, tmp_path):
    """The first are logged before W&B has been imported; the run is that of the training, not of who writes it."""
    times = [time.time()]
    for step in range(50):
        offline.log({**ROW, "env_steps": step})
        times.append(time.time())
    offline.finish(SUMMARY, [], 0)
    said = []
    wandb_process.settle(said.append)
    assert set(said) <= {"waiting for Weights & Biases"}
    found = records(tmp_path)
    assert found[-1]["type"] == "exit" and steps(tmp_path) == list(range(50))
    logged = [each["history"]["item"]["_timestamp"] for each in found if each["type"] == "history"]
    assert all(before <= at <= after for before, at, after in zip(times[:-1], logged, times[1:], strict=True))
    about, *_ = [each["environment"] for each in found if each["type"] == "environment"]
    assert about.get("args", []) == sys.argv[1:] and about["executable"] == sys.executable
    assert "wandb_writer" not in about["program"]


@pytest.mark.parametrize("overrides", [(), ("num_seeds=2",)])
def test_what_is_sent_is_plain(small_config, tmp_path, monkeypatch, overrides):
    """So that the process of W&B imports no module of ours, and with it JAX, to take it: a second at a run's end."""
    sent, send = [], wandb_process.WandbProcess._send
    monkeypatch.setattr(wandb_process.WandbProcess, "_send", lambda *args: (sent.append(args[1]), send(*args)))
    train(small_config("logger.wandb.mode=offline", *overrides), tmp_path / "run")
    kinds = [each[0] for each in sent if isinstance(each, tuple)]
    assert kinds[0] == "open" and "log" in kinds and "finish" in kinds
    assert {module for message in sent for module in _needed_by(message)} <= {"pathlib"}


def test_the_writer_ends_though_it_was_never_sent_a_word():
    connection, its = Pipe()
    command = [sys.executable, "-m", "jaxac.loggers.wandb_writer", str(its.fileno())]
    with subprocess.Popen(command, pass_fds=[its.fileno()], env=environment()) as writer:
        its.close()
        connection.close()
        assert writer.wait(PATIENCE) == 0


def _needed_by(message):
    """The modules that taking a message imports."""
    needed = set()

    class Unpickler(pickle.Unpickler):
        def find_class(self, module, name):
            needed.add(module)
            return super().find_class(module, name)

    Unpickler(io.BytesIO(pickle.dumps(message))).load()
    return needed


def test_a_row_is_on_the_disk_shortly(offline, tmp_path):
    """So that it is kept whatever is killed."""
    offline.log(ROW)
    wandb_process.settle(print)
    time.sleep(SHORTLY)
    assert b"train/policy_loss" in log_of(tmp_path).read_bytes()
    offline.finish({}, [], 0)


KILLED = """
import os, sys
from pathlib import Path
from jaxac.config.compose import make_config
from jaxac.loggers import wandb_process
from jaxac.loggers.wandb import Wandb

logger = Wandb(make_config("+algo=a2c"), Path(sys.argv[1]), "abcd1234", None)
for step in range(200):
    logger.log({"env_steps": step})
print(wandb_process.shared()._process.pid, flush=True)
os.kill(os.getpid(), 9)
"""


def test_what_was_logged_is_written_though_the_training_is_killed(tmp_path):
    """At once, before W&B has been imported; and the run ends as one that was killed."""
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    with (tmp_path / "said").open("w") as said:  # a pipe would be held by the process that goes on
        done = subprocess.run(command, stdout=said, env=environment(WANDB_MODE="offline"), timeout=PATIENCE)
    assert done.returncode == -signal.SIGKILL
    wait_for_end(int((tmp_path / "said").read_text()))
    assert steps(tmp_path) == list(range(200))
    assert records(tmp_path)[-1]["exit"]["exit_code"] == 128 + signal.SIGKILL


def wait_for_end(process):
    deadline = time.monotonic() + PATIENCE
    while Path(f"/proc/{process}").exists() and "Z" not in Path(f"/proc/{process}/stat").read_text().split(")")[1]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_without_its_process_the_training_goes_on_and_is_told_once(offline, tmp_path):
    process = wandb_process.shared()
    process.wait_for(1)
    os.kill(process._process.pid, signal.SIGKILL)
    process._process.wait()
    with pytest.warns(UserWarning, match=r"Weights & Biases has ended, with -9.*metrics\.jsonl has all rows") as warned:
        offline.log(ROW)
    offline.log(ROW)
    offline.finish(SUMMARY, [], 0)
    wandb_process.settle(print)
    assert len(warned) == 1


def test_a_run_that_is_refused_is_told_once_and_the_others_are_written(small_config, tmp_path):
    config = small_config("logger.wandb.mode=offline")
    taken, refused = (Wandb(config, tmp_path / name, "abcd1234", None) for name in "ab")  # no two are to have one id
    with pytest.warns(UserWarning, match=r"does not take the run in .*/b: .*metrics\.jsonl has its rows") as warned:
        refused.finish(SUMMARY, [], 0)
    for logger in (refused, taken):
        logger.log(ROW)
    taken.finish(SUMMARY, [], 0)
    wandb_process.end()
    assert len(warned) == 1
    assert steps(tmp_path / "a") == [ROW["env_steps"]]


def test_without_wandb_no_process_is_begun(small_config, tmp_path):
    code = """
import sys
from pathlib import Path
from jaxac.config.compose import make_config
from jaxac.loggers import open, wandb_process

config = make_config("+algo=a2c")
open.begin(config)
open.open_loggers(config, Path(sys.argv[1]), "id", None, None)
open.settle(print)
print(len(wandb_process._begun()), "wandb" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "False"]
