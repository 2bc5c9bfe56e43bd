"""File locks (flock): the kernel drops them when their holder dies, however it dies."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

POLL_SECONDS = 0.02


class FileLock:
    """A lock on one file, held by this process and by the children that it forks."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def share(self) -> None:
        """Wait until the lock can be held together with other sharers."""
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def take(self) -> None:
        """Wait until the lock can be held alone."""
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)

    def try_share(self) -> bool:
        """Share the lock if nobody holds it alone."""
        return self._attempt(fcntl.LOCK_SH)

    def try_take(self, *, patience_seconds: float = 0) -> bool:
        """Hold the lock alone if that is possible within the given time."""
        deadline = time.monotonic() + patience_seconds
        while not self._attempt(fcntl.LOCK_EX):
            if time.monotonic() >= deadline:
                return False
            time.sleep(POLL_SECONDS)
        return True

    def close(self) -> None:
        """Give up our hold. A forked child that still has the file open keeps its own."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _attempt(self, operation: int) -> bool:
        try:
            fcntl.flock(self._descriptor, operation | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def is_held(path: Path) -> bool:
    """Whether some process holds the lock alone at this moment."""
    lock = FileLock(path)
    try:
        return not lock.try_share()
    finally:
        lock.close()


def is_shared(path: Path) -> bool:
    """Whether some process holds the lock, alone or with others."""
    lock = FileLock(path)
    try:
        return not lock.try_take()
    finally:
        lock.close()
