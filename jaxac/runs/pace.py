"""The length of chunks, from the measured speed: a request to stop is answered in seconds, whatever a network's size.

Into how many chunks a row is cut changes nothing but that.
"""

import math

SECONDS = 1.0
"""Seconds that a chunk takes, about; a request to stop waits for at most two, the running one and the next."""
_GROWTH = 4
"""A chunk has at most so many times the updates of the one that was measured, which may have been luck."""


class Pace:
    """Measures chunks, and says how long the next may be.

    >>> pace = Pace()
    >>> pace.updates
    1
    >>> pace.measure(1, 0.01)
    >>> pace.measure(4, 0.04)
    >>> pace.updates, pace.wait(250)
    (16, 3)
    """

    updates: int = 1
    """Updates in the next chunk, at most."""
    _seconds = 0.0

    def measure(self, updates: int, seconds: float) -> None:
        """Takes the seconds that a chunk of ``updates`` updates took."""
        self._seconds = seconds / updates
        fitting = SECONDS / self._seconds if self._seconds else math.inf
        self.updates = max(1, int(min(fitting, _GROWTH * updates)))

    def wait(self, updates: int) -> int:
        """Whole seconds that so many updates take, about; at least 1."""
        return max(1, math.ceil(self._seconds * updates))
