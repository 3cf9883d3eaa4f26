"""A session of a run that is hurt: its processes, how it is resumed to the end, what it must end as."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from experiments.subjects import Subject
from jaxac import names
from jaxac.distributed.link import free_port
from jaxac.storage import run_directory

PATIENCE = 180
"""Seconds after which a process hangs."""
TIMEOUT = 10
"""Seconds of silence after which a process of several counts as lost."""
_ROOT = Path(__file__).parents[1]
_CLOCK = {names.SECONDS, names.SPS, names.SERVER_STEPS_PER_SECOND}
_OFFER = re.compile(r"resume=(\S+\.ckpt)")
_BEGIN_ANEW = ("start the run again", "is no run", "does not exist", "holds no", "is missing")


class LostError(Exception):
    """A run that cannot be resumed to its end."""

    outcome = "lost"


class HungError(Exception):
    """A process that does not end."""

    outcome = "hung"


class WrongError(Exception):
    """A run that ends otherwise than it would have, undisturbed."""

    outcome = "wrong"


@dataclass
class Session:
    """A run, from its beginning over all that is done to it to its end.

    Args:
        subject: the command.
        directory: the directory of its run.
        reference: the directory of the undisturbed run.
        cache: the directory of compiled programs.
    """

    subject: Subject
    directory: Path
    reference: Path
    cache: Path
    commands: list[str] = field(default_factory=list)
    tracebacks: int = 0
    damaged: str = ""
    """The file that was damaged."""
    backups: dict[Path, bytes] = field(default_factory=dict)
    mounted: bool = False
    seen: dict[str, Any] = field(default_factory=dict)
    """What a fault has measured."""

    def start(
        self,
        arguments: Sequence[str],
        before: Callable[[], None] | None = None,
        variables: Mapping[str, str] = MappingProxyType({}),
    ) -> subprocess.Popen[str]:
        """Starts a process, whose exit code :meth:`wait` notes."""
        line = [sys.executable, "-m", "jaxac.train", *arguments, f"compilation_cache={self.cache}"]
        self.cache.mkdir(parents=True, exist_ok=True)
        paths = os.pathsep.join([str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        environment = {**os.environ, "WANDB_MODE": "disabled", "PYTHONPATH": paths, **variables}
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(line, **pipes, env=environment, preexec_fn=before, cwd=self.cache.parent)

    def start_all(self, arguments: Sequence[str]) -> list[subprocess.Popen[str]]:
        """Starts all processes that train the run together, each with one device; the first is the leader."""
        count, port = self.subject.processes, free_port()
        if count == 1:
            return [self.start(arguments)]
        team = [*arguments, f"distributed.coordinator_address=localhost:{port}", f"distributed.num_processes={count}"]
        team.append(f"distributed.timeout={TIMEOUT}")
        one = {"XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=1"}
        return [self.start([*team, f"distributed.process_id={number}"], None, one) for number in range(count)]

    def wait(
        self, process: subprocess.Popen[str], arguments: Sequence[str], what: str = "", seconds: float | None = None
    ) -> tuple[int, str]:
        """The exit code of a process, and what it said on standard error; it hangs after so many seconds."""
        seconds = PATIENCE if seconds is None else seconds
        try:
            _, said = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise HungError(f"{what} no end within {seconds} s") from None
        line = " ".join(["python -m jaxac.train", *arguments]).replace(str(self.directory), "RUN")
        self.commands.append(f"{line}  # {what + ': ' if what else ''}exit code {process.returncode}")
        self.tracebacks += "Traceback" in said
        return process.returncode, said

    def begin(self) -> None:
        """Trains from beginning to end, undisturbed."""
        code, said = self.train(self.subject.command(self.directory))
        if code:
            raise LostError(said[-300:])

    def train(self, arguments: Sequence[str], what: str = "") -> tuple[int, str]:
        """Trains in as many processes as the run has: the first exit code that is not 0, and what the leader said."""
        processes = self.start_all(arguments)
        ends = [self.wait(process, arguments, what) for process in processes]
        return max((code for code, _ in ends), key=abs), ends[0][1]

    def wait_for(self, process: subprocess.Popen[str], part: float) -> None:
        """Waits until about this part of the run's rows is written; a negative part is one of its start-up."""
        path = self.directory / self.subject.runs[-1] / run_directory.METRICS
        rows, begun = 0 if part < 0 else 1 + int(part * 99), time.monotonic()
        while process.poll() is None and time.monotonic() - begun < PATIENCE:
            if part < 0 and time.monotonic() - begun > -6 * part:
                return
            if part >= 0 and path.exists() and path.read_bytes().count(b"\n") >= rows:
                return
            time.sleep(0.005)

    def finish(self) -> None:
        """Resumes the run until it is complete, as its own messages say, and compares it."""
        for _ in range(8):
            if self.subject.is_complete(self.directory):
                self.compare()
                return
            begun = any(run_directory.holds_run(self.directory / run) for run in (".", *self.subject.runs))
            arguments = [f"resume={self.directory}"] if begun else self.subject.command(self.directory)
            code, said = self.train(arguments)
            if code:
                self._follow(said)
        raise LostError("not complete after eight commands")

    def _follow(self, said: str) -> None:
        """Does what the message says."""
        offer = _OFFER.search(said)
        if offer:
            arguments = [f"resume={offer[1].rstrip('.')}"]
            self.train(arguments, "as offered")
        elif "restore it" in said or "damaged" in said or (self.backups and "settings" in said):
            for path, content in self.backups.items():
                path.write_bytes(content)
        elif any(words in said for words in _BEGIN_ANEW):
            arguments = self.subject.command(self.directory)
            self.train(arguments, "anew")
        else:
            raise LostError(said.strip().splitlines()[-1][:300] if said.strip() else "no word")

    def compare(self) -> None:
        """Raises WrongError if the run has ended otherwise than the undisturbed one."""
        if self.subject.is_replayed:
            self._replay()
            return
        for run in self.subject.runs:
            mine, other = (run_directory.read_summary(place / run) for place in (self.directory, self.reference))
            if mine["params_digest"] != other["params_digest"]:
                raise WrongError(f"{run}: another digest")
            found, expected = _rows(self.directory / run), _rows(self.reference / run)
            if found != expected and not (self.damaged == run_directory.METRICS and _are_among(found, expected)):
                raise WrongError(f"{run}: other rows")

    def _replay(self) -> None:
        """Compares a run in real time with the replay of its events."""
        rows = run_directory.rows(self.directory)
        steps = [row["env_steps"] for row in rows]
        if steps != sorted(set(steps)) or steps[-1] != run_directory.read_summary(self.reference)["env_steps"]:
            raise WrongError("rows go back, or end early")
        if self.damaged == run_directory.EVENTS:
            return
        again, replayed = self._again, ("algo.runtime=replay", f"algo.events={self.directory}")
        rest = tuple(each for each in self.subject.arguments if not each.startswith("algo.runtime="))
        whole = self.subject._replace(arguments=(*rest, *replayed)).command(again)
        code, said = self.wait(self.start(whole), whole, "replay")
        digests = [run_directory.read_summary(place).get("params_digest") for place in (self.directory, again)]
        if code or digests[0] != digests[1]:
            raise WrongError(f"the replay has another digest {said[-200:]}")

    @property
    def _again(self) -> Path:
        """The directory of the run's replay."""
        return self.directory.with_name(f"{self.directory.name}-replay")

    def clean(self) -> None:
        """Removes the run's files."""
        if self.mounted or self.directory.is_mount():
            subprocess.run(["umount", str(self.directory)], check=False)
        for directory in (self.directory, self._again):
            shutil.rmtree(directory, ignore_errors=True)


def kill(process: subprocess.Popen[str], *signals: signal.Signals) -> None:
    """Sends a process signals, a second apart."""
    for number in signals:
        process.send_signal(number)
        time.sleep(1.0 if number != signals[-1] else 0)


def _rows(directory: Path) -> list[dict[str, Any]]:
    return [{k: v for k, v in row.items() if k not in _CLOCK} for row in run_directory.rows(directory)]


def _are_among(found: list[dict[str, Any]], expected: list[dict[str, Any]]) -> bool:
    return found[-1] == expected[-1] and all(row in expected for row in found)
