"""Workers on this machine: processes, each with a GPU of its own, or with an equal share of the cores."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from multiprocessing import Pipe
from pathlib import Path

from jaxac.devices import machine
from jaxac.errors import ConfigError
from jaxac.workers.base import Done, LostError, Running, Task

_SECONDS = 10.0
"""Seconds in which a process has to end that was asked to."""


class Local:
    """Processes that are started as they are needed, and wait for the next task.

    Args:
        count: ``hydra.launcher.workers``.
        variables: further environment variables of the processes.
        folder: the directory for their logs.

    Raises:
        ConfigError: if there are fewer devices.
    """

    def __init__(self, count: int, variables: Mapping[str, str], folder: Path) -> None:
        self._folder = folder
        environment = {**os.environ, **variables}
        self.cores: int | None = max(1, machine.num_cores() // count)
        self._environments = [environment | device for device in _devices(count)]
        self._processes: list[_Process | None] = [None] * count

    def begin(self, task: Task) -> Running:
        number, process = next(
            (number, each) for number, each in enumerate(self._processes) if each is None or not each.is_busy
        )
        if process is None or not process.lives:
            process = self._processes[number] = _Process(self._environments[number], self._folder)
        process.begin(task)
        return process

    def close(self) -> None:
        processes = [each for each in self._processes if each is not None]
        self._processes = [None] * len(self._processes)
        for each in processes:
            each.ask_to_end()
        for each in processes:
            each.end()


class _Process:
    """A worker's process, in a session of its own, so that a Ctrl-C in the terminal reaches the driver alone."""

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        self._connection, its = Pipe()
        command = [sys.executable, "-m", "jaxac.workers.process", str(its.fileno())]
        with (folder / "processes.log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                env=environment,
                pass_fds=[its.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        its.close()
        self.is_busy = False

    @property
    def lives(self) -> bool:
        return self._process.poll() is None

    def begin(self, task: Task) -> None:
        self.is_busy = True
        try:
            self._connection.send(task)
        except OSError:
            self.is_busy = False
            raise LostError(self._end_in_words()) from None

    def poll(self) -> Done | None:
        try:
            if not self._connection.poll():
                return None
            done = self._connection.recv()
        except (EOFError, OSError):
            self.is_busy = False
            raise LostError(self._end_in_words()) from None
        self.is_busy = False
        return done

    def _end_in_words(self) -> str:
        self.end()
        code = self._process.returncode
        return f"its process was ended by {signal.Signals(-code).name}" if code < 0 else f"its process left with {code}"

    def ask_to_end(self) -> None:
        self._process.terminate()

    def end(self) -> None:
        try:
            self._process.wait(_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._connection.close()


def _devices(count: int) -> list[dict[str, str]]:
    """The variables that give each worker a device of its own.

    Raises:
        ConfigError: if there are fewer.
    """
    devices: list[dict[str, str]]
    if not machine.has_accelerator():
        have, noun, devices = machine.num_cores(), "core", [{}] * count
    else:
        gpus = machine.nvidia_gpus()
        have, noun, devices = len(gpus), "NVIDIA GPU", [{"CUDA_VISIBLE_DEVICES": gpu} for gpu in gpus[:count]]
    if have < count:
        raise ConfigError(
            f"hydra.launcher.workers={count} needs a device for each worker, and this process has {have} {noun}"
            f"{'s' * (have != 1)}; give at most {max(1, have)}, or hydra.launcher.executor=ray or submitit."
        )
    return devices
