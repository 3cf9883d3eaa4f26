"""The place of a process among several: from the settings ``distributed.*``, from Slurm, or from Open MPI."""

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jaxac.config.settings import default, key_of
from jaxac.config.words import shorten
from jaxac.errors import ConfigError

SECTION = "distributed"
_FIRST_PORT, _PORTS = 61440, 4096
"""Ports of which a launcher's job has one of its own, beyond those that systems give away by themselves."""


@dataclass(frozen=True)
class Place:
    """One process among several."""

    host: str
    """The host of process 0."""
    port: int
    """The port that process 0 listens at."""
    num_processes: int
    """Number of processes, at least 2."""
    process_id: int
    """This one's number; 0 leads."""
    timeout: float
    """Seconds of silence after which another process is lost."""
    overrides: tuple[str, ...]
    """The command line's overrides but for ``distributed.*``, which all processes are given alike."""
    job: str = ""
    """The launcher's name for its job; empty for processes that were started by hand."""

    @property
    def address(self) -> str:
        """``HOST:PORT`` of process 0."""
        return f"{self.host}:{self.port}"


def find(overrides: Sequence[str], environment: Mapping[str, str]) -> Place | None:
    """The place of this process; None if it trains by itself.

    Settings win over what a launcher says, and ``distributed.num_processes=1`` over all of it.

    Args:
        overrides: the command line's overrides.
        environment: the variables of the process.

    Raises:
        ConfigError: if what is said is not enough, or contradicts itself.
    """
    given = {key_of(text): text.partition("=")[2].strip("'\"") for text in overrides if "=" in text}
    given = {key: value for key, value in given.items() if key.partition(".")[0] == SECTION and value != "null"}
    if not set(given) <= {f"{SECTION}.{name}" for name in _NAMES}:
        return None  # a misspelled setting, which is told where all are read
    found: dict[str, Any] = {key.removeprefix(f"{SECTION}."): value for key, value in given.items()}
    for name in ("num_processes", "process_id", "timeout"):
        if name in found:
            found[name] = _number(f"{SECTION}.{name}", found[name])
    launched = _by_slurm(environment) or _by_open_mpi(environment)
    if found.get("num_processes", launched.get("num_processes", 0)) <= 1 and not _is_amiss(found):
        return None
    if launched:
        _check_agreement(found, launched)
    common = tuple(text for text in overrides if key_of(text) not in given)
    return _place({"timeout": default(f"{SECTION}.timeout"), "overrides": common, **launched, **found})


_NAMES = ("coordinator_address", "num_processes", "process_id", "timeout")


def _is_amiss(found: Mapping[str, Any]) -> bool:
    """True if settings speak of several processes, but for their number."""
    alone = found.get("num_processes") == 1 and not found.get("process_id")
    return not alone and ("process_id" in found or "coordinator_address" in found)


def _check_agreement(found: Mapping[str, Any], launched: Mapping[str, Any]) -> None:
    for name in ("num_processes", "process_id"):
        if name in found and found[name] != launched[name]:
            raise ConfigError(
                f"{SECTION}.{name}={found[name]} disagrees with {launched['by']}, which says {launched[name]}; leave "
                f"it out, or give {SECTION}.num_processes=1 for runs of their own."
            )


def _place(found: dict[str, Any]) -> Place:
    by = found.pop("by", "")
    fixes = {
        "num_processes": "the number of processes that train the run together",
        "process_id": "this process' number among them, from 0",
        "coordinator_address": "HOST:PORT, where the others reach process 0",
    }
    for name, fix in fixes.items():
        if found.get(name) is None:
            beside = f"{by} does not say it" if by else f"other settings {SECTION}.* are given"
            raise ConfigError(f"{SECTION}.{name} is missing, and {beside}: give {fix}.")
    address, number, count = found.pop("coordinator_address"), found["process_id"], found["num_processes"]
    if number >= count:
        raise ConfigError(
            f"{SECTION}.process_id={number} is none of {SECTION}.num_processes={count}: give 0 to {count - 1}."
        )
    host, _, port = str(address).rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise ConfigError(
            f"{SECTION}.coordinator_address={shorten(str(address))} is no address: give HOST:PORT, with a port that "
            "is free on process 0's host."
        )
    return Place(host.strip("[]"), int(port), **found)


def _number(name: str, value: str) -> float:
    if name.endswith("timeout"):
        try:
            seconds = float(value)
        except ValueError:
            seconds = -1.0
        if not 1 <= seconds <= 3600:
            raise ConfigError(f"{name}={shorten(value)} is not valid: give seconds, from 1 to 3600.")
        return seconds
    least = 0 if name.endswith("id") else 1
    if not value.isdecimal() or not least <= int(value) < 10_000:
        raise ConfigError(f"{name}={shorten(value)} is not valid: give a whole number of at least {least}.")
    return int(value)


def _by_slurm(environment: Mapping[str, str]) -> dict[str, Any]:
    """The place in a step of Slurm's; empty outside of one, as in the script that starts the step."""
    needed = ("SLURM_JOB_ID", "SLURM_STEP_NODELIST", "SLURM_NTASKS", "SLURM_PROCID")
    if not all(environment.get(name) for name in needed):
        return {}
    job, step = environment["SLURM_JOB_ID"], environment.get("SLURM_STEP_ID", "0")
    return {
        "by": "srun",
        "coordinator_address": f"{first_host(environment['SLURM_STEP_NODELIST'])}:{_port(f'{job}.{step}')}",
        "num_processes": int(environment.get("SLURM_STEP_NUM_TASKS") or environment["SLURM_NTASKS"]),
        "process_id": int(environment["SLURM_PROCID"]),
        "job": f"{job}.{step}",
    }


def first_host(nodes: str) -> str:
    """The first of a list of hosts as Slurm writes it.

    >>> first_host("node[007-012,020],gpu3"), first_host("gpu3,node1")
    ('node007', 'gpu3')
    """
    match = re.match(r"([^,\[]*)(?:\[(\w+))?", nodes)
    return "".join(part or "" for part in match.groups()) if match else nodes


def _by_open_mpi(environment: Mapping[str, str]) -> dict[str, Any]:
    """The place among the processes of Open MPI's mpirun; empty outside of it."""
    if "OMPI_COMM_WORLD_SIZE" not in environment or "OMPI_COMM_WORLD_RANK" not in environment:
        return {}
    count = environment["OMPI_COMM_WORLD_SIZE"]
    uri = environment.get("OMPI_MCA_orte_hnp_uri", "")
    job = uri.partition(";")[0] or environment.get("PMIX_NAMESPACE", "")
    launcher = re.search(r"tcp://([^,:]+)|tcp6://\[([^,\]]+)", uri)
    host = next(filter(None, launcher.groups()), None) if launcher else None
    if environment.get("OMPI_COMM_WORLD_LOCAL_SIZE") == count:
        host = "127.0.0.1"
    return {
        "by": "mpirun",
        "coordinator_address": f"{host}:{_port(job)}" if host else None,
        "num_processes": int(count),
        "process_id": int(environment["OMPI_COMM_WORLD_RANK"]),
        "job": job,
    }


def _port(job: str) -> int:
    """A port for a launcher's job, hardly ever that of another."""
    return _FIRST_PORT + zlib.crc32(job.encode()) % _PORTS
