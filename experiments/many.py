"""Runs of several processes to be hurt, and what can happen only to them: to Ray's learners, a leader, a follower."""

import contextlib
import functools
import itertools
import json
import os
import random
import subprocess
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from signal import SIGKILL, SIGSTOP, SIGTERM, Signals
from typing import Any

from experiments.hurts import Fault, by_signals
from experiments.session import LostError, Session, WrongError
from experiments.subjects import Subject
from jaxac.distributed.link import free_port
from jaxac.storage import run_directory
from jaxac.storage.events import staleness

SUBJECTS = {
    "ray": Subject(("algo=a3c", "algo.num_shards=2", "algo.runtime=ray"), length=2),
    "two processes": Subject(("algo=a2c", "algo.num_shards=2"), processes=2),
}
SECONDS = 30
"""Seconds in which the others must end."""


def by_killing_learners(session: Session, luck: random.Random, number: int) -> None:
    """Kills so many of Ray's learners early in a run, which goes on by itself."""
    arguments = session.subject.command(session.directory)
    process = session.start(arguments)
    session.wait_for(process, luck.uniform(0.0, 0.3))
    for pid in luck.sample(found := learners(process.pid), min(number, len(found))):
        os.kill(pid, SIGKILL)
    _goes_on(session, process, arguments, f"{number} killed")


def by_killing_a_node(session: Session, luck: random.Random) -> None:
    """Kills one of three nodes, one on which a learner is."""
    with nodes(3) as (address, others):
        arguments = [*session.subject.command(session.directory), f"algo.ray.address={address}"]
        process = session.start(arguments)
        session.wait_for(process, luck.uniform(0.0, 0.3))
        busy = [node for node, pids in others.items() if any(map(learners, pids()))]
        remove = luck.choice(busy)
        remove()
        _goes_on(session, process, arguments, "a node killed")


def _goes_on(session: Session, process: subprocess.Popen[str], arguments: Sequence[str], what: str) -> None:
    """Waits for the run's end, to which nothing but time may be lost."""
    code, said = session.wait(process, arguments, what)
    if code:
        raise LostError(said[-300:])
    session.seen = after_a_loss(events_of(session.directory))
    session.finish()


def events_of(directory: Path) -> list[dict[str, Any]]:
    """The events of a run."""
    return [json.loads(line) for line in (directory / run_directory.EVENTS).read_text().splitlines()]


def after_a_loss(events: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What became of calls that were lost.

    Returns:
        ``calls_lost``; without one nothing else. In seconds ``unnoticed``, from a call to the moment when its loss was
        noticed; ``gap``, the longest without a push of the other shards, since the call that was lost first; ``back``,
        from that call to the next push of its learner, None if the run ended before. ``staleness``, in versions, the
        most of a gradient that was asked again.
    """
    lost = [each for each in events if each["event"] == "lost"]
    if not lost:
        return {"calls_lost": 0}
    asked, pushes = lost[0]["seconds"] - lost[0]["after"], [each for each in events if each["event"] == "push"]
    others = [asked, *(each["seconds"] for each in pushes if each["shard"] != lost[0]["shard"])]
    times = [each for each in others if each >= asked]
    again = [each["seconds"] for each in pushes if each["learner"] == lost[0]["learner"] and each["seconds"] > asked]
    late = {each["push"] for each in lost}
    return {
        "calls_lost": len(lost),
        "unnoticed": max(each["after"] for each in lost),
        "gap": max((b - a for a, b in itertools.pairwise(times)), default=0.0),
        "back": again[0] - asked if again else None,
        "staleness": max(staleness(each) for each in pushes if each["push"] in late),
    }


MEASURED = {
    "unnoticed": "noticed after {} s",
    "gap": "the others' longest pause {} s",
    "back": "back after {} s",
    "staleness": "the late gradient {} versions old",
    "others_ended": "the others ended after {} s",
}


def told(seen: Sequence[dict[str, Any]]) -> str:
    """What faults of one kind have measured, each from the least to the most.

    >>> told([{"others_ended": 0.25}, {"others_ended": 9.2}, {}])
    'the others ended after 0.2 … 9.2 s'
    """
    found = []
    for name, words in MEASURED.items():
        values = [each[name] for each in seen if each.get(name) is not None]
        digits = 0 if all(isinstance(value, int) for value in values) else 1
        ends = dict.fromkeys(f"{value:.{digits}f}" for value in (min(values), max(values))) if values else {}
        found += [words.format(" … ".join(ends))] if ends else []
    return ", ".join(found)


def by_losing(session: Session, luck: random.Random, which: int, sent: Signals) -> None:
    """One of several processes is killed or stopped; the others say so in one sentence, and the run is resumed."""
    arguments = session.subject.command(session.directory)
    processes = session.start_all(arguments)
    try:
        session.wait_for(processes[0], luck.random() * 0.8)
        processes[which].send_signal(sent)
        at = time.monotonic()
        others = [each for number, each in enumerate(processes) if number != which]
        ends = [session.wait(each, arguments, f"{sent.name} to process {which}", SECONDS) for each in others]
        session.seen = {"others_ended": time.monotonic() - at}
        if not session.subject.is_complete(session.directory):
            _check_ends(ends)
    finally:
        for each in processes:
            each.kill()
            each.communicate()
    session.finish()


def _check_ends(ends: Sequence[tuple[int, str]]) -> None:
    for code, said in ends:
        if code != 1 or len(said.splitlines()) != 1 or not said.startswith("jaxac: ") or "is lost" not in said:
            raise WrongError(f"exit code {code}: {said[-300:]}")


def by_a_signal_to_one(session: Session, luck: random.Random) -> None:
    """SIGTERM to one of several processes stops all, and saves."""
    arguments = session.subject.command(session.directory)
    processes = session.start_all(arguments)
    try:
        session.wait_for(processes[0], luck.random() * 0.8)
        luck.choice(processes).send_signal(SIGTERM)
        ends = [session.wait(each, arguments, "TERM to one", SECONDS) for each in processes]
    finally:
        for each in processes:
            each.kill()
    if not session.subject.is_complete(session.directory) and {code for code, _ in ends} != {128 + SIGTERM}:
        raise WrongError(f"exit codes {ends}")
    session.finish()


FAULTS: dict[tuple[str, str], Fault] = {
    ("ray", "learner kill -9"): functools.partial(by_killing_learners, number=1),
    ("two processes", "follower kill -9"): functools.partial(by_losing, which=1, sent=SIGKILL),
    ("ray", "learners kill -9"): functools.partial(by_killing_learners, number=2),
    ("two processes", "leader kill -9"): functools.partial(by_losing, which=0, sent=SIGKILL),
    ("ray", "node kill -9"): by_killing_a_node,
    ("two processes", "follower STOP"): functools.partial(by_losing, which=1, sent=SIGSTOP),
    ("ray", "kill -9"): lambda session, luck: by_signals(session, luck, SIGKILL),
    ("two processes", "leader STOP"): functools.partial(by_losing, which=0, sent=SIGSTOP),
    ("ray", "TERM"): lambda session, luck: by_signals(session, luck, SIGTERM),
    ("two processes", "TERM to one"): by_a_signal_to_one,
}


@contextlib.contextmanager
def nodes(count: int) -> Iterator[tuple[str, dict[Callable[[], None], Callable[[], list[int]]]]]:
    """A cluster of Ray's on this machine: its address, and what removes each node but the head, with its processes."""
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 1, "gcs_server_port": free_port()}
    with warnings.catch_warnings():  # between fork and exec nothing of JAX's is called
        warnings.filterwarnings("ignore", r"os\.fork\(\) was called", RuntimeWarning)
        cluster = Cluster(initialize_head=True, head_node_args=head)
        others = [cluster.add_node(num_cpus=1) for _ in range(count - 1)]
    try:
        yield cluster.address, {_removes(cluster, each): _processes_of(each) for each in others}
    finally:
        cluster.shutdown()


def _removes(cluster: Any, node: Any) -> Callable[[], None]:
    return lambda: cluster.remove_node(node, allow_graceful=False)


def _processes_of(node: Any) -> Callable[[], list[int]]:
    return lambda: [each.process.pid for several in node.all_processes.values() for each in several]


def learners(pid: int) -> list[int]:
    """The processes of Ray's learners that a process has started, or those that it has."""
    return [each for each in descendants(pid) if title(each).startswith("ray::Learner")]


def descendants(pid: int) -> list[int]:
    """The processes that a process has started, and those that they have."""
    children: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = status.read_text().rpartition(")")[2].split()
            children.setdefault(int(fields[1]), []).append(int(status.parent.name))
    found = children.get(pid, [])
    return found + [each for child in found for each in descendants(child)]


def title(pid: int) -> str:
    """The command of a process, as Ray has titled it; empty if it is gone."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").decode()
    return ""
