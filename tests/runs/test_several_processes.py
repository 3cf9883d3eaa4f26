"""One run in several processes: the same bits as in one, and an end that all know, however one of them ends."""

import json
import os
import signal
import time

import pytest

from jaxac.storage import checkpoint, run_directory
from tests import several
from tests.conftest import SMALL
from tests.processes import CACHE
from tests.several import ends, start, start_all, wait_for
from tests.whole_runs import final_state, rows, summary

pytestmark = pytest.mark.slow
QUIET = (*SMALL, "env.num_envs=64", "logger.curve=false", "logger.gif=false", "evaluation.episodes=8")
A2C = ("+algo=a2c", "algo.num_shards=4", *QUIET, "total_env_steps=2560")
A3C = ("+algo=a3c", "algo.num_shards=4", *QUIET, "total_env_steps=2560")
EVERY = ("checkpoint.every=19200", "logger.every=19200")
LONG = ("+algo=a2c", "algo.num_shards=12", *QUIET, "env.num_envs=48", "total_env_steps=200_000_000", *EVERY)
MIDDLE = ("logger.every=1280", "evaluation.every=0", "checkpoint.every=0", "stop_after_updates=3")
"""A stop in the middle of a row of five updates."""


def in_several(*line, at, count=2, **how):
    """The directory of a run in several processes, and how they ended."""
    ended = ends(start_all(*line, f"hydra.run.dir={at}", cwd=at.parent, count=count, **how))
    assert [each.code for each in ended] == [0] * count, ended
    return at


def in_one(*line, at, devices=1):
    flags = f"{several.environment().get('XLA_FLAGS', '')} --xla_force_host_platform_device_count={devices}"
    (ended,) = ends([start([*line, CACHE, f"hydra.run.dir={at}"], at.parent, XLA_FLAGS=flags)])
    assert ended.code == 0, ended
    return at


def told(directory):
    return final_state(directory), rows(directory), summary(directory)["params_digest"]


@pytest.mark.parametrize("line", [A2C, A3C], ids=["a2c", "a3c"])
def test_two_processes_train_what_one_trains(line, tmp_path):
    two = in_several(*line, at=tmp_path / "two")
    assert (
        told(two) == told(in_one(*line, at=tmp_path / "devices", devices=2)) == told(in_one(*line, at=tmp_path / "one"))
    )
    assert [each["devices"] for each in summary(two)["processes"]] == [1, 1] and len(summary(two)["devices"]) == 2


def test_processes_may_have_several_devices_each(tmp_path):
    assert told(in_several(*A2C, at=tmp_path / "two", devices=2)) == told(in_one(*A2C, at=tmp_path / "one"))


@pytest.mark.parametrize("line", [A2C, A3C], ids=["a2c", "a3c"])
def test_a_run_goes_on_in_another_number_of_processes(line, tmp_path):
    cadences = MIDDLE[:-1]
    whole = told(in_one(*line, *cadences, at=tmp_path / "whole"))
    fewer = in_several(*line, *MIDDLE, at=tmp_path / "fewer")
    assert summary(fewer)["updates"] == 3
    in_one(f"resume={fewer}", at=fewer)
    more = in_one(*line, *MIDDLE, at=tmp_path / "more", devices=2)
    ended = ends(start_all(f"resume={more}", cwd=tmp_path))
    assert [each.code for each in ended] == [0, 0], ended
    assert told(fewer) == told(more) == whole


def test_a_run_may_stop_once_it_is_solved(tmp_path):
    """Which the first part of an evaluation suggests, and the rest of it decides."""
    line = (*A2C, "evaluation.every=512", "evaluation.stop_at_return=9.0")
    two = told(in_several(*line, at=tmp_path / "two"))
    assert two == told(in_one(*line, at=tmp_path / "one"))
    assert len(two[1]) < 10


def test_followers_need_no_disk_and_say_nothing(tmp_path):
    for name in ("leader", "follower"):
        (tmp_path / name).mkdir()
    port = several.free_port()
    line = [*A2C, "logger.gif=true", "logger.curve=true"]
    processes = [
        start([*line, *several.by_hand(number, port), f"compilation_cache={tmp_path / 'cache'}"], tmp_path / name)
        for number, name in enumerate(("leader", "follower"))
    ]
    leader, follower = ends(processes)
    assert leader.code == follower.code == 0, (leader, follower)
    said = [line for line in follower.out.splitlines() if not line.startswith("[Gloo]")]
    assert (said, follower.err) == ([], "") and "cpu devices of 2 processes" in leader.out
    assert os.listdir(tmp_path / "follower") == []
    (directory,) = (tmp_path / "leader").glob("outputs/*/*")
    assert (directory / "policy.gif").exists() and (directory / "learning_curve.png").exists()


def test_slurm_says_who_is_who(tmp_path):
    """The variables of a step of two tasks, both on this host, and of their own directory none."""
    step = {"SLURM_JOB_ID": str(several.free_port()), "SLURM_STEP_ID": "0", "SLURM_STEP_NODELIST": "localhost"}
    step |= {"SLURM_NTASKS": "2", "SLURM_STEP_NUM_TASKS": "2"}
    ended = ends(
        [
            start([*A2C, CACHE, f"hydra.run.dir={tmp_path / 'run'}"], tmp_path, SLURM_PROCID=n, SLURM_LOCALID=n, **step)
            for n in "01"
        ]
    )
    assert [each.code for each in ended] == [0, 0], ended
    assert [each["devices"] for each in summary(tmp_path / "run")["processes"]] != []


def begun(processes, directory):
    """Waits until a run has written a checkpoint that is not its first."""
    wait_for(lambda: len(checkpoint.paths(directory / "checkpoints")) > 1, processes)


def long_run(tmp_path, *line):
    directory = tmp_path / "run"
    processes = start_all(*LONG, *line, f"hydra.run.dir={directory}", cwd=tmp_path)
    begun(processes, directory)
    return processes, directory


def one_sentence(ended):
    """Of jaxac's on standard error, and nothing else of anyone's."""
    lines = ended.err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("jaxac: "), ended
    return lines[0]


def goes_on(directory):
    """The last checkpoint is whole, and a single process goes on from it."""
    newest = checkpoint.newest(directory / "checkpoints")
    updates = checkpoint.read(newest).updates
    assert (
        updates > 0 and summary(directory)["status"] == "interrupted" if (directory / "summary.json").exists() else True
    )
    in_one(f"resume={directory}", "stop_after_updates=2", at=directory)
    assert summary(directory)["updates"] == updates + 2


def test_a_follower_that_is_killed_ends_the_run_in_one_sentence(tmp_path):
    processes, directory = long_run(tmp_path)
    at = time.monotonic()
    processes[1].kill()
    leader, _ = ends(processes, 30)
    assert time.monotonic() - at < 30
    assert leader.code == 1 and "process 1 on" in one_sentence(leader) and "is lost" in leader.err
    assert "Error" not in leader.out
    assert f"resume with: python -m jaxac.train resume={directory}" in leader.out
    assert summary(directory)["status"] == "interrupted"
    goes_on(directory)


def test_a_leader_that_is_killed_ends_the_followers_in_one_sentence(tmp_path):
    processes, directory = long_run(tmp_path)
    processes[0].kill()
    _, follower = ends(processes, 30)
    assert follower.code == 1 and "process 0 at localhost" in one_sentence(follower) and "is lost" in follower.err
    goes_on(directory)


@pytest.mark.parametrize("which", [0, 1], ids=["leader", "follower"])
def test_a_process_that_stands_still_ends_the_run_in_one_sentence(which, tmp_path):
    processes, directory = long_run(tmp_path, "distributed.timeout=10")
    stopped, other = processes[which], processes[1 - which]
    stopped.send_signal(signal.SIGSTOP)
    at = time.monotonic()
    try:
        (ended,) = ends([other], 30)
        assert time.monotonic() - at < 30
        assert ended.code == 1 and "it has said nothing for 10 s" in one_sentence(ended)
    finally:
        stopped.send_signal(signal.SIGCONT)
    (late,) = ends([stopped], 30)
    assert late.code == 1 and one_sentence(late)
    goes_on(directory)


def test_of_three_the_others_are_told_who_is_lost(tmp_path):
    directory = tmp_path / "run"
    processes = start_all(*LONG, f"hydra.run.dir={directory}", cwd=tmp_path, count=3)
    begun(processes, directory)
    processes[2].kill()
    leader, follower, _ = ends(processes, 30)
    assert leader.code == follower.code == 1
    assert "process 2 on" in one_sentence(leader) and "process 2 on" in one_sentence(follower)


@pytest.mark.parametrize("asked", [[0], [1], [0, 1]], ids=["leader", "follower", "all"])
def test_a_signal_to_any_stops_all_and_saves(asked, tmp_path):
    processes, directory = long_run(tmp_path)
    for number in asked:
        processes[number].send_signal(signal.SIGTERM)
        time.sleep(0.7 * (number == 0))  # longer than one process waits for a second signal
    leader, follower = ends(processes, 60)
    assert leader.code == follower.code == 128 + signal.SIGTERM, (leader, follower)
    assert "SIGTERM: stopping after this chunk" in leader.out and leader.err == follower.err == ""
    assert summary(directory)["status"] == "interrupted"
    assert f"resume with: python -m jaxac.train resume={directory}" in leader.out
    assert checkpoint.read(checkpoint.newest(directory / "checkpoints")).updates == summary(directory)["updates"]
    goes_on(directory)


def test_a_second_signal_ends_a_process_that_is_stuck(tmp_path):
    """With its follower standing still, the leader waits in a collective, and answers."""
    processes, directory = long_run(tmp_path, "distributed.timeout=60")
    processes[1].send_signal(signal.SIGSTOP)
    time.sleep(2)
    processes[0].send_signal(signal.SIGTERM)
    time.sleep(2)
    processes[0].send_signal(signal.SIGTERM)
    try:
        (leader,) = ends(processes[:1], 30)
        assert leader.code == 128 + signal.SIGTERM, leader
    finally:
        processes[1].kill()
    ends(processes[1:])
    goes_on(directory)


def test_an_address_where_nobody_is_ends_all_in_one_sentence(tmp_path):
    port = several.free_port()
    wrong = (f"distributed.coordinator_address=localhost:{several.free_port()}", *several.by_hand(1, port)[1:])
    line = (*A2C, CACHE, "distributed.timeout=3")
    processes = [start([*line, *several.by_hand(0, port)], tmp_path), start([*line, *wrong], tmp_path)]
    leader, follower = ends(processes, 30)
    assert leader.code == follower.code == 2
    assert "process 1 of 2 has not come to localhost" in one_sentence(leader)
    assert "process 0 cannot be reached there within 3 s (Connection refused)" in one_sentence(follower)
    assert os.listdir(tmp_path) == []


def test_a_host_that_nobody_knows_is_told_at_once(tmp_path):
    unknown = ("distributed.coordinator_address=nowhere.invalid:1234", *several.by_hand(1, 1)[1:])
    (follower,) = ends([start([*A2C, *unknown], tmp_path)], 30)
    assert follower.code == 2 and "nowhere.invalid:1234: process 0 cannot be reached" in one_sentence(follower)


REFUSED = {
    "a mistake": (["+algo=a2c", "env.num_env=3"], "env.num_env is not a setting; did you mean env.num_envs?"),
    "threads": (["+algo=a3c", "algo.runtime=threads"], "algo.runtime=threads trains in one process"),
    "a sweep": (["+algo=a2c", "-m", "seed=0,1"], "-m asks for several runs"),
    "seeds": (["+algo=a2c", "num_seeds=2"], "num_seeds=2 asks for several runs"),
    "shards": (["+algo=a3c", "algo.num_shards=1"], "algo.num_shards=1 makes 1 piece of work, which does not spread"),
    "waves": (
        ["+algo=a3c", "algo.num_shards=4", "algo.max_staleness=1"],
        "algo.max_staleness=1 has few shards compute",
    ),
}


@pytest.mark.parametrize("line, said", REFUSED.values(), ids=REFUSED)
def test_what_the_leader_refuses_ends_all_and_leaves_nothing(line, said, tmp_path):
    at = time.monotonic()
    leader, follower = ends(start_all(*QUIET, *line, cwd=tmp_path), 60)
    assert leader.code == follower.code == 2, (leader, follower)
    assert said in one_sentence(leader)
    assert one_sentence(follower) == "jaxac: process 1: process 0 has refused to train, for the reason that it gives."
    assert os.listdir(tmp_path) == [] and time.monotonic() - at < 60


def test_processes_of_different_commands_are_refused(tmp_path):
    """As srun makes them that is to train runs of their own."""
    port = several.free_port()
    processes = [
        start([*A2C, CACHE, f"seed={number}", *several.by_hand(number, port)], tmp_path) for number in range(2)
    ]
    leader, follower = ends(processes)
    assert leader.code == follower.code == 2
    assert "was given seed=1, and process 0 was not" in one_sentence(leader)


def test_processes_whose_rounding_differs_are_refused(tmp_path):
    port = several.free_port()
    processes = [
        start([*A2C, CACHE, *several.by_hand(number, port)], tmp_path, NPROC=str(3 + number)) for number in range(2)
    ]
    leader, _ = ends(processes)
    assert leader.code == 2 and "divides work among 4 threads of XLA's, and process 0 among 3" in one_sentence(leader)


def test_the_summary_of_one_process_knows_of_no_others(tmp_path):
    one = in_one(*A2C, at=tmp_path / "one")
    assert [each["devices"] for each in summary(one)["processes"]] == [1]
    assert "distributed" not in json.loads((one / "metrics.jsonl").read_text().splitlines()[0])
    assert run_directory.read_config(one).distributed.num_processes is None
