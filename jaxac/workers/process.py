"""A worker's process on the driver's machine: ``python -m jaxac.workers.process FILE_DESCRIPTOR``."""

import contextlib
import os
import queue
import signal
import sys
import threading
from multiprocessing.connection import Connection

from jaxac.devices.garbage import collected_seldom
from jaxac.workers.base import Task
from jaxac.workers.task import train


def main() -> None:
    """Trains tasks, one after the other, until the driver has no more of them, or is gone."""
    connection: Connection = Connection(int(sys.argv[1]))
    tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(connection, tasks), daemon=True).start()
    while (task := tasks.get()) is not None:
        done = train(task)
        with contextlib.suppress(BrokenPipeError):
            connection.send(done)


def _receive(connection: "Connection", tasks: "queue.SimpleQueue[Task | None]") -> None:
    with contextlib.suppress(EOFError, OSError):
        while True:
            tasks.put(connection.recv())
    tasks.put(None)
    os.kill(os.getpid(), signal.SIGTERM)  # what is being trained is saved


if __name__ == "__main__":
    with collected_seldom():
        main()
