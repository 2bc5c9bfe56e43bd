"""One server process: started, watched and stopped by the keeper."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from apps.operations.embedded.errors import EmbeddedUnavailable
from apps.operations.embedded.privileges import ServerUser, confined
from apps.operations.embedded.programs import SERVER_VARIABLES

START_PATIENCE_SECONDS = 60
STOP_PATIENCE_SECONDS = 30
POLL_SECONDS = 0.02
STEADY_SECONDS = 5
LONGEST_PAUSE_SECONDS = 8.0
# A start time read twice may differ by the rounding of clock ticks.
START_TIME_TOLERANCE_SECONDS = 1.0


@dataclass(frozen=True)
class Trace:
    """Which process a server was: enough to know it again and never to hit another one."""

    pid: int
    started_at_epoch_seconds: float

    def process(self, folder: Path) -> psutil.Process | None:
        """The process, if it still runs: same pid, same start, working in the same folder."""
        try:
            found = psutil.Process(self.pid)
            drift = abs(found.create_time() - self.started_at_epoch_seconds)
            is_same = drift <= START_TIME_TOLERANCE_SECONDS and works_in(found, folder)
        except psutil.NoSuchProcess:
            return None
        return found if is_same else None


@dataclass
class Server:
    """A server program with the data folder that it works in."""

    name: str
    command: Sequence[str]
    folder: Path
    log: Path
    user: ServerUser | None
    stop_signal: signal.Signals
    is_ready: Callable[[], bool]
    restarts_count: int = field(default=0, init=False)
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _started_at_seconds: float = field(default=0, init=False)
    _pause_seconds: float = field(default=0, init=False)

    def start(self) -> None:
        """Start the program; it dies with us."""
        self._started_at_seconds = time.monotonic()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603
                self.command,
                cwd=self.folder,
                env=SERVER_VARIABLES,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=confined(self.user, self.stop_signal),  # noqa: PLW1509
            )

    def is_running(self) -> bool:
        """Whether the process lives (and forget it when it does not)."""
        return self._process is not None and self._process.poll() is None

    def trace(self) -> Trace:
        """The running process' pid and start time."""
        if self._process is None:
            raise EmbeddedUnavailable(f"{self.name} is not running")
        return Trace(self._process.pid, psutil.Process(self._process.pid).create_time())

    def wait_until_ready(self) -> None:
        """Wait until the server answers.

        Raises:
            EmbeddedUnavailable: it ended or did not answer in time; the text quotes its log.
        """
        deadline = time.monotonic() + START_PATIENCE_SECONDS
        while not self.is_ready():
            if not self.is_running() or time.monotonic() > deadline:
                raise EmbeddedUnavailable(f"{self.name} did not start: {last_line(self.log)}")
            time.sleep(POLL_SECONDS)

    def restart_when_due(self) -> bool:
        """Start a dead server again, with growing pauses if it keeps dying; True if started."""
        uptime_seconds = time.monotonic() - self._started_at_seconds
        if uptime_seconds > max(STEADY_SECONDS, self._pause_seconds):
            self._pause_seconds = 0
        if uptime_seconds < self._pause_seconds:
            return False
        self._pause_seconds = min(max(0.25, self._pause_seconds * 2), LONGEST_PAUSE_SECONDS)
        self.restarts_count += 1
        self.start()
        return True

    def stop(self) -> None:
        """Stop cleanly; by force if it takes too long."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(self.stop_signal)
        try:
            self._process.wait(STOP_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def works_in(process: psutil.Process, folder: Path) -> bool:
    """Whether the process' working directory is the folder (servers go into their data)."""
    try:
        return os.path.samefile(process.cwd(), folder)
    except (psutil.AccessDenied, psutil.NoSuchProcess, OSError):
        return False


def stop_stray(process: psutil.Process, stop_signal: signal.Signals) -> None:
    """End a server that an earlier keeper left behind."""
    try:
        process.send_signal(stop_signal)
        process.resume()  # a suspended process hears no signal but this
        process.wait(STOP_PATIENCE_SECONDS)
    except psutil.TimeoutExpired:
        process.kill()
        process.wait(STOP_PATIENCE_SECONDS)
    except psutil.NoSuchProcess:
        return


def last_line(log: Path) -> str:
    """The last line of a log that says something."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return f"see {log}"
    said = [line.strip() for line in lines if line.strip()]
    return f"{said[-1]} (see {log})" if said else f"see {log}"
