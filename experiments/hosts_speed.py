"""Measures what several processes cost on one machine: two with a device each, against one process with two devices.

    python -m experiments.hosts_speed                 4096 environments × 16 steps, A2C and A3C: 15 minutes on 2 cores
    python -m experiments.hosts_speed --threads 1     the two with one thread of XLA's each: other bits, and faster?

Both train the same run by the command, alternating, and must end with the same digest, unless their threads differ.
Speed is the median of the rows but for the first, without evaluations and checkpoints; compilation is apart.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from experiments.common import ratio, save
from jaxac.distributed.link import free_port
from jaxac.storage import run_directory

ALGOS = {"a2c": ("+algo=a2c",), "a3c": ("+algo=a3c", "algo.num_shards=4")}
CALM = ("evaluation.every=0", "checkpoint.every=0", "logger.curve=false", "logger.gif=false")
PROCESSES = (1, 2)


def train(line: tuple[str, ...], processes: int, directory: Path, threads: int | None) -> dict[str, Any]:
    """Trains a run in as many processes with two devices together; several have so many of XLA's threads each."""
    port, devices = free_port(), 2 // processes
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count={devices}"
    environment = {**os.environ, "XLA_FLAGS": flags, "WANDB_MODE": "disabled"}
    environment |= {"NPROC": str(threads)} if threads and processes > 1 else {}
    command = [sys.executable, "-m", "jaxac.train", *line, *CALM, f"hydra.run.dir={directory}"]
    started = []
    for number in range(processes):
        place = (f"coordinator_address=localhost:{port}", f"num_processes={processes}", f"process_id={number}")
        own = [f"distributed.{setting}" for setting in place] if processes > 1 else []
        started.append(subprocess.Popen([*command, *own], env=environment, stdout=subprocess.DEVNULL))
    if sum(each.wait() != 0 for each in started):
        raise SystemExit(f"{processes} processes could not train {' '.join(line)}")
    summary = run_directory.read_summary(directory)
    sps = statistics.median(row["time/sps"] for row in run_directory.rows(directory)[1:])
    compiling = summary["time/compile_seconds"]
    return {"sps": sps, "compile_seconds": compiling, "digest": summary["params_digest"]}


def compare(algo: str, num_envs: int, updates: int, pairs: int, threads: int | None) -> dict[str, Any]:
    """Runs in one and in two processes in turn, and the ratio pair by pair."""
    steps = num_envs * 16
    numbers = (
        f"env.num_envs={num_envs}",
        f"total_env_steps={updates * steps}",
        f"logger.every={updates * steps // 20}",
    )
    found: dict[int, list[dict[str, Any]]] = {processes: [] for processes in PROCESSES}
    with tempfile.TemporaryDirectory(prefix="jaxac-hosts-") as work:
        for pair in range(-1, pairs):  # the first fills the cache of compiled programs
            for processes in PROCESSES if pair % 2 else reversed(PROCESSES):
                told = train((*ALGOS[algo], *numbers), processes, Path(work, f"{pair}-{processes}"), threads)
                if pair >= 0:
                    found[processes].append(told)
    digests = {each["digest"] for rows in found.values() for each in rows}
    if len(digests) > 1 and not threads:
        raise SystemExit(f"{algo}: the digests differ: {digests}")
    over = ratio(*([each["sps"] for each in found[processes]] for processes in reversed(PROCESSES)))
    for processes, rows in found.items():
        sps, compiling = (statistics.median(row[name] for row in rows) for name in ("sps", "compile_seconds"))
        print(
            f"  {algo} in {processes} process{'es' * (processes > 1)}: {sps:12,.0f} steps a second, {compiling:.1f} s"
        )
    print(f"  two over one {over['ratio']:.2f}, {over['lowest']:.2f} … {over['highest']:.2f}", flush=True)
    of_all = {"algo": algo, "num_envs": num_envs, "threads": threads, "same_digest": len(digests) == 1}
    return {**of_all, "two_over_one": over, "one": found[1], "two": found[2]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--num-envs", type=int, default=4096)
    parser.add_argument("--updates", type=int, default=800)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--threads", type=int, help="XLA's threads of each of two; default: as many as the one has")
    args = parser.parse_args()
    load = os.getloadavg()
    cases = [compare(algo, args.num_envs, args.updates, args.pairs, args.threads) for algo in ALGOS]
    name = f"hosts_speed_{args.threads}_thread{'s' * (args.threads > 1)}" if args.threads else "hosts_speed"
    print(f"written to {save(name, {'load': load, 'cases': cases})}")


if __name__ == "__main__":
    main()
