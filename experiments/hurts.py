"""Hurts that the fault campaign does to runs: signals, damaged files, a full disk, two processes at once."""

import functools
import os
import random
import resource
import subprocess
from collections.abc import Callable
from pathlib import Path
from signal import SIGCONT, SIGHUP, SIGINT, SIGKILL, SIGSTOP, SIGTERM, SIGUSR1, Signals

from experiments.session import LostError, Session, WrongError, kill
from jaxac.storage import checkpoint, run_directory

Fault = Callable[[Session, random.Random], None]
"""Begins a run, hurts it, and has it finished."""


def moment(number: int) -> random.Random:
    """The luck of the fault of this number."""
    return random.Random(f"jaxac {number}")


def _when(luck: random.Random) -> float:
    """A part of the run's rows; one time in five, one of its start-up."""
    return luck.uniform(-1, 0) if luck.random() < 0.2 else luck.random() * 0.9


def _interrupt(session: Session, luck: random.Random, *signals: Signals) -> None:
    """Begins or resumes the run, and sends it signals."""
    begun = run_directory.has_begun(session.directory / session.subject.runs[0])
    arguments = [f"resume={session.directory}"] if begun else session.subject.command(session.directory)
    process = session.start(arguments)
    session.wait_for(process, _when(luck))
    kill(process, *signals)
    session.wait(process, arguments, " ".join(each.name for each in signals))


def by_signals(session: Session, luck: random.Random, *signals: Signals) -> None:
    """Signals at a random moment; two times in five the session after it gets them, too."""
    _interrupt(session, luck, *signals)
    while luck.random() < 0.4 and not session.subject.is_complete(session.directory):
        _interrupt(session, luck, *signals)
    session.finish()


def by_damage(session: Session, luck: random.Random, *names: str) -> None:
    """A kill, and then one of the files of these names is cut, emptied, or full of something else."""
    _interrupt(session, luck, SIGKILL)
    places = [session.directory / run for run in session.subject.runs]
    found = [path for place in places for name in names for path in _files(place, name)]
    if found:
        path = luck.choice(found)
        content = path.read_bytes()
        session.damaged, session.backups = path.name, {path: content}
        if path.suffix == checkpoint.SUFFIX:
            session.backups = {}
        cut = luck.randrange(max(1, len(content)))
        path.write_bytes(luck.choice([b"", content[:cut], content[:cut] + b"\xff\x00{]\n" + content[cut:]]))
    session.finish()


def _files(place: Path, name: str) -> list[Path]:
    """The file of a run that has this name; of its checkpoints the newest, if there is one before it."""
    if name == run_directory.CHECKPOINTS:
        return checkpoint.paths(place / name)[1:][-1:]
    return [place / name] if (place / name).is_file() else []


def by_a_full_disk(session: Session, luck: random.Random) -> None:
    """A disk with room for a part of the run, then with room for all."""
    session.directory.mkdir(parents=True)
    files = [path.stat().st_size for path in session.reference.rglob("*") if path.is_file()]
    part = luck.uniform(0.2, 0.9)
    size, limit = int(part * sum(files)) // 1024 + 16, None
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", str(session.directory)]
    if os.geteuid() == 0 and subprocess.run(mount, capture_output=True).returncode == 0:
        session.mounted = True
    else:  # as far as the system lets a file grow
        most = int(part * max(files))
        limit = functools.partial(resource.setrlimit, resource.RLIMIT_FSIZE, (most, most))
    arguments = session.subject.command(session.directory)
    code, said = session.wait(session.start(arguments, limit), arguments, f"a disk of {size} kB")
    if session.mounted:
        subprocess.run(["mount", "-o", "remount,size=64m", str(session.directory)], check=True)
    if code and "no space is left" not in said:
        raise LostError(f"a full disk: {said.strip()[-200:]}")
    session.finish()


def by_two_at_once(session: Session, luck: random.Random) -> None:
    """A kill, and then two processes resume the run at the same moment: one is refused."""
    _interrupt(session, luck, SIGKILL)
    arguments = [f"resume={session.directory}"]
    both = [session.start(arguments), session.start(arguments)]
    ends = [session.wait(process, arguments, "one of two") for process in both]
    codes = sorted(code for code, _ in ends)
    refused = [said for code, said in ends if code == 2]
    if codes == [0, 2] and "is being trained by process" not in refused[0]:
        raise WrongError(f"refused, but not for the other: {refused[0][-200:]}")
    if codes == [0, 0] and not session.subject.is_complete(session.directory):
        raise WrongError("both have trained the run")
    session.finish()


def by_a_pause(session: Session, luck: random.Random) -> None:
    """A process that is stopped and goes on."""
    _interrupt(session, luck, SIGSTOP, SIGCONT)
    session.finish()


def _signals(*signals: Signals) -> Fault:
    return lambda session, luck: by_signals(session, luck, *signals)


def _damage(*names: str) -> Fault:
    return lambda session, luck: by_damage(session, luck, *names)


FAULTS: dict[str, Fault] = {
    "kill -9": _signals(SIGKILL),
    "damaged state": _damage(run_directory.CHECKPOINTS),
    "TERM": _signals(SIGTERM),
    "full disk": by_a_full_disk,
    "INT, INT": _signals(SIGINT, SIGINT),
    "two at once": by_two_at_once,
    "HUP": _signals(SIGHUP),
    "damaged text": _damage(run_directory.CONFIG, run_directory.OVERRIDES, run_directory.METRICS, run_directory.EVENTS),
    "USR1": _signals(SIGUSR1),
    "STOP, CONT": by_a_pause,
}
