"""Dispatch of tasks: each is given to a worker, and given out again if the worker is lost."""

import json
import os
import signal
import socket
import time
from collections import Counter, deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jaxac import names
from jaxac.errors import ConfigError, RunError
from jaxac.loggers.closing import Ended
from jaxac.runs.runner import Say
from jaxac.runs.signals import StopRequest
from jaxac.storage import lock, run_directory
from jaxac.workers.base import Done, Entry, LostError, Running, Task, Trained, Workers
from jaxac.workers.display import Display
from jaxac.workers.settings import Settings

_PAUSE = 0.1
"""Seconds between two looks at the workers."""


class Dispatch:
    """The tasks of one batch of jobs, and their fates.

    Args:
        workers: those who train.
        settings: their settings.
        log: the file that takes what happens, an event a line.
        display: shows people what the jobs' files say.
        stop: the request to stop.
        say: shows people a line of text.
    """

    def __init__(
        self, workers: Workers, settings: Settings, log: Path, display: Display, stop: StopRequest, say: Say
    ) -> None:
        self._workers, self._settings, self._log = workers, settings, log
        self._display, self._stop, self._say = display, stop, say
        self._running: dict[int, tuple[Task, Running]] = {}
        self._waiting: deque[Task] = deque()
        self._lost: Counter[int] = Counter()
        self._ended: dict[Path, Trained] = {}

    def run(self, tasks: Sequence[Task]) -> dict[Path, Trained]:
        """Has all tasks trained; returns the jobs' ends by their directories: not of all, if a signal stops it.

        Raises:
            ConfigError: if a worker cannot train anything, or all jobs are refused.
            StopNowError: if a second signal stops it; workers have been ended by then.
        """
        self._waiting.extend(tasks)
        asked = False
        try:
            while self._waiting or self._running:
                if self._stop.signal and not asked:
                    asked = True
                    self._waiting.clear()
                    tasks[0].sweep.stop.touch()
                self._hand_out()
                for task, running in list(self._running.values()):
                    self._look_at(task, running)
                self._display.look()
                time.sleep(_PAUSE)
        except BaseException:
            self._workers.close()
            raise
        refused = [each.result for each in self._ended.values() if isinstance(each.result, ConfigError)]
        if refused and len(refused) == len(self._ended):
            raise refused[0]
        return self._ended

    def _hand_out(self) -> None:
        while self._waiting and len(self._running) < self._settings.workers:
            task = self._waiting.popleft()
            self._note("begin", task)
            try:
                self._running[task.number] = task, self._workers.begin(task)
            except LostError as error:
                self._begin_again(task, str(error))

    def _look_at(self, task: Task, running: Running) -> None:
        try:
            done = running.poll()
        except LostError as error:
            del self._running[task.number]
            self._begin_again(task, str(error))
            return
        if done is None:
            return
        del self._running[task.number]
        if done.refusal:
            raise ConfigError(
                f"hydra.sweep.dir: {done.refusal}, where hydra.launcher.executor={self._settings.executor} has a "
                "worker; choose a directory that all machines share, and give the command in one."
            )
        if done.stopped is not None and not self._stop.signal:
            self._begin_again(task, f"it was stopped by {signal.Signals(done.stopped).name}")
        else:
            self._end(task, done)

    def _end(self, task: Task, done: Done) -> None:
        self._note("end" if done.stopped is None else "stop", task, **_holder(task))
        for entry, trained in zip(task.entries, done.trained, strict=True):
            label = self._display.end(entry.directory)
            self._ended[entry.directory] = trained._replace(ended=trained.ended._replace(label=label))

    def _begin_again(self, task: Task, reason: str) -> None:
        """Puts a task whose worker was lost before the others, unless that has happened too often."""
        self._note("lost", task, reason=reason, **_holder(task))
        if self._stop.signal:
            return
        self._lost[task.number] += 1
        times = self._lost[task.number]
        if times > self._settings.retries:
            self._give_up(task, reason, times)
            return
        self._say(
            f"task {task.number}: its worker was lost ({reason}); its jobs are begun again from their checkpoints, "
            f"{times} of {self._settings.retries} times at most"
        )
        entries = [entry._replace(restarts=entry.restarts + 1) for entry in task.entries]
        self._waiting.appendleft(task._replace(entries=entries, again=True))

    def _give_up(self, task: Task, reason: str, times: int) -> None:
        self._note("given up", task)
        for entry in task.entries:
            label, summary = self._display.end(entry.directory), _summary_at_the_end(entry)
            mean, best = summary.get(names.RETURN), summary.get(names.BEST_RETURN)
            error = RunError(
                f"job {entry.directory.name}: its worker was lost {times} times, in the end because {reason}; see "
                f"{task.log}, and resume the sweep with resume={task.sweep.folder.parent}."
            )
            ended = Ended(label, ("completed" if summary else "failed",), mean, best)
            self._ended[entry.directory] = Trained(mean if summary else error, ended)

    def _note(self, event: str, task: Task, **more: Any) -> None:
        line = {"event": event, "time": time.time(), "task": task.number, "jobs": _names(task.entries), **more}
        with self._log.open("a") as log:
            log.write(json.dumps(line) + "\n")


def _summary_at_the_end(entry: Entry) -> dict[str, Any]:
    """The summary of a job that came to its end before its worker was lost; empty for another."""
    summary, config = run_directory.read_summary(entry.directory), entry.config
    at_the_end = summary.get(names.ENV_STEPS) == config.env_steps(config.num_updates)
    is_solved = config.evaluation.stop_at_return is not None
    return summary if summary.get("status") == "completed" and (at_the_end or is_solved) else {}


def _names(entries: Sequence[Entry]) -> list[str]:
    return [entry.directory.name for entry in entries]


def _holder(task: Task) -> dict[str, Any]:
    """The process that trained a task last, and its host, as the jobs' locks say."""
    holders = [lock.last_holder(entry.directory) for entry in task.entries]
    theirs = [who for who in holders if who and (who["process"], who["host"]) != (os.getpid(), socket.gethostname())]
    return {name: theirs[0][name] for name in ("process", "host")} if theirs else {}
