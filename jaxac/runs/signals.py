"""Ctrl-C, SIGTERM, SIGHUP and SIGUSR1 as a request to stop at the next good moment; the second stops at once.

SIGHUP comes when a terminal is closed, SIGUSR1 is what Slurm can be told to send before a job's time is up.
"""

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

_ONE_REQUEST = 0.5
"""Seconds in which signals are one request: some launchers pass on what the terminal has sent to all already."""
_TAKEN_OVER = (signal.SIGINT, signal.SIGTERM)
_IF_UNUSED = ("SIGHUP", "SIGUSR1")


class StopNowError(KeyboardInterrupt):
    """The second request to stop.

    Args:
        number: the signal's number.
    """

    def __init__(self, number: int) -> None:
        self.signal = number


class StopRequest:
    """A handler of signals that remembers the first one.

    Args:
        tell: shows people a line of text; None to say nothing.
        file: a file that asks to stop as SIGTERM does, once it is there; None for none.
    """

    after = "compiling"
    """Words for what has to end before the run can stop."""

    def __init__(self, tell: Callable[[str], None] | None = None, file: Path | None = None) -> None:
        self._tell, self._file = tell, file
        self._at: float | None = None
        self._signal: int | None = None

    @property
    def signal(self) -> int | None:
        """Number of the signal that asked to stop; None so far."""
        if self._signal is None and self._file is not None and self._file.exists():
            self.ask(signal.SIGTERM)
        return self._signal

    def __call__(self, number: int, frame: FrameType | None) -> None:
        del frame
        if self._at is None:
            self.ask(number)
        elif time.monotonic() - self._at > _ONE_REQUEST:
            _default()  # a third one ends the process
            raise StopNowError(self._signal or number)

    def ask(self, number: int) -> None:
        """Asks to stop, as a signal does.

        Args:
            number: the signal's number.
        """
        self._at = time.monotonic()
        self.heed(number)

    def heed(self, number: int) -> None:
        """Asks to stop for a signal that another process was sent; the own one may come, too, and is no second one.

        Args:
            number: the signal's number.
        """
        if self._signal is None:
            self._signal = number
            self._say(f"{signal.Signals(number).name}: stopping after {self.after}; again to stop now")

    def _say(self, text: str) -> None:
        # The signal may have come while something was being printed; or the terminal may be gone.
        with contextlib.suppress(RuntimeError, OSError):
            if self._tell:
                self._tell(text)


@contextmanager
def stop_request(
    tell: Callable[[str], None] | None = None, file: Path | None = None, also: Sequence[int] = ()
) -> Iterator[StopRequest]:
    """Collects signals while the block runs; outside the main thread, where none arrive, does nothing.

    SIGHUP and SIGUSR1 are left alone if the process ignores them already (``nohup``) or uses them itself.

    Args:
        tell: shows people a line of text; None to say nothing.
        file: a file that asks to stop as SIGTERM does, once it is there; None for none.
        also: further signals to take over, though the process may use them.
    """
    request = StopRequest(tell, file)
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    before = {number: signal.signal(number, request) for number in (*_signals(), *also)}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _signals() -> list[int]:
    here = [getattr(signal, name) for name in _IF_UNUSED if hasattr(signal, name)]
    return [*_TAKEN_OVER, *(number for number in here if signal.getsignal(number) == signal.SIG_DFL)]


def _default() -> None:
    for number in _TAKEN_OVER:
        signal.signal(number, signal.SIG_DFL)
