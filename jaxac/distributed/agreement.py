"""The agreement of several processes: what they must have in common, and how they share a host."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from jaxac.config.algos import A3CConfig
from jaxac.config.schema import Config
from jaxac.config.words import shorten, show
from jaxac.distributed.place import Place
from jaxac.errors import ConfigError

About = dict[str, Any]
"""All that a process says of itself: see :func:`jaxac.runs.together.about`."""


class Meeting(NamedTuple):
    """The things that one process needs to know to join the others."""

    address: str
    """``HOST:PORT`` of JAX's coordinator."""
    process_id: int
    """The process' number."""
    hosts: list[str]
    """The hosts of all processes, by their numbers."""
    share: int
    """Number of processes that have this one's cores, itself included."""
    device_ids: list[int] | None
    """The accelerators to use, among those that the process sees; None for all of them."""
    timeout: float
    """Seconds of silence after which another process is lost."""


def check_jobs(is_sweep: bool, place: Place | None) -> None:
    """Raises ConfigError if several processes are to train several jobs."""
    if is_sweep and place:
        raise ConfigError(_several_runs("-m", place))


def check_config(config: Config, place: Place | None) -> None:
    """Raises ConfigError if a configuration is nothing that these processes can train together.

    Args:
        config: the configuration.
        place: this process' place among several; None if it trains by itself.
    """
    algo, asked = config.algo, config.distributed
    if place is None:
        if asked.process_id or asked.coordinator_address or (asked.num_processes or 1) > 1:
            raise ConfigError(
                f"distributed.num_processes={show(asked.num_processes)} is read from the command line of "
                "python -m jaxac.train only, where each process is started."
            )
        return
    if config.num_seeds > 1:
        raise ConfigError(_several_runs(f"num_seeds={config.num_seeds}", place))
    if isinstance(algo, A3CConfig) and algo.in_real_time:
        raise ConfigError(
            f"algo.runtime={algo.runtime} trains in one process, and here are {place.num_processes}: choose "
            "algo.runtime=compiled, or in one process (distributed.num_processes=1) algo.runtime=ray, whose learners "
            "may be on other hosts."
        )


def _several_runs(asked: str, place: Place) -> str:
    return (
        f"{asked} asks for several runs, and {place.num_processes} processes train one run together: start each run by "
        "itself, or one process (distributed.num_processes=1) for all of them."
    )


def missing(place: Place, numbers: Sequence[int]) -> ConfigError:
    """The error that processes of these numbers have not come in time."""
    return ConfigError(
        f"process {', '.join(map(str, numbers))} of {place.num_processes} has not come to {place.address} within "
        f"{place.timeout:g} s: start it with this distributed.coordinator_address, or raise distributed.timeout."
    )


def check(abouts: Sequence[About]) -> None:
    """Raises ConfigError if a process would not train the run that process 0 trains, bit for bit.

    Args:
        abouts: what the processes say of themselves, by their numbers.
    """
    first = abouts[0]
    for number, other in enumerate(abouts):
        who = f"process {number} on {other['host']}"
        if other["overrides"] != first["overrides"]:
            raise ConfigError(
                f"{who} was given {_difference(other['overrides'], first['overrides'])}, and process 0 was not: give "
                "all processes of one run the same command, or distributed.num_processes=1 for runs of their own."
            )
        for package, version in first["versions"].items():
            if other["versions"].get(package) != version:
                raise ConfigError(
                    f"{who} has {package} {other['versions'].get(package)}, and process 0 has {version}: install the "
                    "same on all hosts."
                )
        _check_rounding(who, other, first)
        _check_name(other, len({each["host"] for each in abouts}))


def _difference(theirs: Sequence[str], ours: Sequence[str]) -> str:
    """The first override that only one of two processes has."""
    only = [text for text in theirs if text not in ours]
    missing = [text for text in ours if text not in theirs]
    return shorten(only[0]) if only else f"no {shorten(missing[0])}" if missing else "the same in another order"


def _check_rounding(who: str, other: About, first: About) -> None:
    """All processes compute the same steps of the server, which must come out the same everywhere."""
    if other["xla_threads"] != first["xla_threads"]:
        raise ConfigError(
            f"{who} divides work among {other['xla_threads']} threads of XLA's, and process 0 among "
            f"{first['xla_threads']}, on which rounding depends: set NPROC to the same number for all of them."
        )
    if not first["accelerated"] and other["processor"] != first["processor"]:
        raise ConfigError(
            f"{who} has the processor {other['processor']}, and process 0 has {first['processor']}, which may round "
            "otherwise: choose hosts of one kind."
        )


def _check_name(about: About, num_hosts: int) -> None:
    """Raises ConfigError if other hosts could not reach this one; between CPUs by the address of its own name."""
    if num_hosts > 1 and not about["accelerated"] and about["address"].startswith("127."):
        raise ConfigError(
            f"the host {about['host']} takes its own name for {about['address']}, where other hosts cannot reach it: "
            "give the name the host's address in its /etc/hosts."
        )


def arrange(place: Place, abouts: Sequence[About], port: int) -> list[Meeting]:
    """The meetings of all processes, by their numbers.

    Args:
        place: the leader's place.
        abouts: what the processes say of themselves, by their numbers.
        port: the port of JAX's coordinator, on the leader's host.
    """
    hosts = [about["host"] for about in abouts]
    found = []
    for number, about in enumerate(abouts):
        mates = [each for each, other in enumerate(abouts) if other["host"] == about["host"]]
        share = sum(abouts[each]["cores"] == about["cores"] for each in mates)
        rivals = [each for each in mates if abouts[each]["visible"] == about["visible"]]
        ids = device_ids(about["visible"], rivals.index(number), len(rivals))
        found.append(Meeting(f"{place.host}:{port}", number, hosts, share, ids, place.timeout))
    return found


def device_ids(visible: str | None, rank: int, rivals: int) -> list[int] | None:
    """The accelerators that a process uses, of those that it and others see.

    >>> device_ids("0,1,2,3", 0, 1), device_ids("0,1,2,3", 1, 2), device_ids(None, 1, 2)
    (None, [2, 3], [1])

    Args:
        visible: ``CUDA_VISIBLE_DEVICES``; None if it is not set.
        rank: the process' number among those that see the same.
        rivals: how many those are.
    """
    if rivals == 1:
        return None
    if visible is None:
        return [rank]
    each = len(visible.split(",")) // rivals
    return list(range(rank * each, (rank + 1) * each)) or [rank]
