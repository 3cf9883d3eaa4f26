"""jaxac and its peers in turn, process by process: what ``python -m experiments.throughput --peers`` measures."""

import json
import statistics
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

from experiments.common import alone, ratio, save
from experiments.throughput import NETWORKS, overrides

NUM_ENVS, UNROLL = 4096, 16
PLAIN = ("algo.normalize_observations=false", "algo.normalize_rewards=false")
"""What no peer does, and jaxac does by default."""


class Task(NamedTuple):
    """An environment to measure in."""

    env: str
    """Its name in gymnax."""
    result: str
    """The name of its result."""
    pairs: tuple[tuple[str, str], ...]
    """Peers, each with jaxac's name of the network."""
    updates: int
    """Of a peer's repeat."""
    overrides: tuple[str, ...]
    """jaxac's, besides network and sizes."""


SEPARATE = (("purejaxrl", "separate"), ("rejax", "separate"))
CARTPOLE = (("purejaxrl", "separate"), ("purejaxrl", "shared"), ("rejax", "separate"), ("sb3", "separate"))
TASKS = {
    "cartpole": Task("CartPole-v1", "throughput_peers", CARTPOLE, 20, ()),
    "pendulum": Task("Pendulum-v1", "throughput_peers_pendulum", SEPARATE, 20, ("env.name=Pendulum-v1", *PLAIN)),
    "breakout": Task(
        "Breakout-MinAtar", "throughput_peers_breakout", SEPARATE, 4, ("env.name=Breakout-MinAtar", *PLAIN)
    ),
}
"""CartPole is measured by its own settings, with normalized observations."""


def measure(python: str, tasks: list[str], pairs: int) -> None:
    """Measures and saves, task by task.

    Args:
        python: of the environment that the peers are installed in.
        tasks: keys of ``TASKS``.
        pairs: pairs of processes a comparison.
    """
    for name in tasks:
        task, results = TASKS[name], {}
        for peer, network in task.pairs:
            if found := against(python, task, peer, network, pairs):
                results[f"{peer}, {NETWORKS[network]}"] = found
        print(f"written to {save(task.result, {'results': results})}", flush=True)


def against(python: str, task: Task, peer: str, network: str, pairs: int) -> dict[str, Any]:
    """Medians and ratios, process by process in turn; empty if the peer cannot be measured.

    Returns:
        ``pairs``, ``ours`` and ``theirs`` in steps per second; ``ratio`` and its range; ``cpu``, the same of steps per
        second of a core at work, which does not count the waiting for cores that other processes have.
    """
    found: dict[str, list[dict[str, float]]] = {"sps": [], "cpu_sps": []}
    versions: dict[str, str] = {}
    for _ in range(pairs):
        theirs = _peer(python, task, peer, network)
        if theirs is None:
            return {}
        setting = overrides("a2c", network, NUM_ENVS, UNROLL, *task.overrides)
        ours, versions = alone("throughput", "--one", *setting), theirs["versions"]
        for rate, each in found.items():
            each.append({"ours": statistics.median(ours[rate]), "theirs": statistics.median(theirs[rate])})
        print(f"{task.env}, {peer}, {network}:", *(each[-1] for each in found.values()), flush=True)
    wall, cpu = (ratio(*([pair[side] for pair in each] for side in ("ours", "theirs"))) for each in found.values())
    print(f"  jaxac is {wall['ratio']:.2f} times as fast, {cpu['ratio']:.2f} times a second of a core", flush=True)
    return {"pairs": found["sps"], **wall, "cpu": cpu, "versions": versions}


def _peer(python: str, task: Task, peer: str, network: str) -> dict[str, Any] | None:
    """The line that a peer printed, read; None if it is not installed or cannot do it."""
    sizes = f"--num-envs={NUM_ENVS}", f"--unroll={UNROLL}", f"--updates={task.updates}"
    command = [python, str(Path(__file__).with_name("peers.py")), peer, f"--env={task.env}", f"--network={network}"]
    done = subprocess.run([*command, *sizes], capture_output=True, text=True)
    if done.returncode:
        print(f"{peer} cannot be measured: {done.stderr.strip().splitlines()[-1]}", flush=True)
        return None
    return json.loads(done.stdout.splitlines()[-1])
