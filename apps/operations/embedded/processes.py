"""The site: web, worker and beat, run by supervisord until we leave."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from celery import Celery
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from apps.operations.embedded.environment import Environment, ensure_environment
from apps.operations.embedded.errors import EmbeddedUnavailable
from apps.operations.embedded.flocks import FileLock
from apps.operations.embedded.folders import CHECKOUT, DataFolder
from apps.operations.embedded.ports import HOST, hold_port
from apps.operations.embedded.privileges import bound_to_parent
from apps.operations.embedded.progress import tell
from apps.operations.embedded.redis_server import broker_url
from apps.operations.embedded.server import last_line
from apps.operations.embedded.site_programs import supervisor_configuration

DEFAULT_PORT = 8000
START_PATIENCE_SECONDS = 90
STOP_PATIENCE_SECONDS = 45
POLL_SECONDS = 0.1
PING_SECONDS = 0.5
SPAWNED = re.compile(r"spawned: '(\w+)' with pid (\d+)")


@dataclass
class Site:
    """A running site. `is_ours` is False if another process of this data folder runs it."""

    url: str
    folder: DataFolder
    is_ours: bool
    _runner: subprocess.Popen[bytes] | None

    def is_running(self) -> bool:
        """Whether the site still runs."""
        if self._runner is not None:
            return self._runner.poll() is None
        lock = FileLock(_lock_path(self.folder))
        try:
            return not lock.try_share()
        finally:
            lock.close()

    def program_pids(self) -> dict[str, int]:
        """The process id under which each program was started last."""
        return {name: int(pid) for name, pid in self._spawns()}

    def restart_counts(self) -> dict[str, int]:
        """How often each program was started again after its first start."""
        names = [name for name, _pid in self._spawns()]
        return {name: names.count(name) - 1 for name in dict.fromkeys(names)}

    def _spawns(self) -> list[tuple[str, str]]:
        return SPAWNED.findall(_log_path(self.folder).read_text(encoding="utf-8"))


@contextmanager
def running_site(
    *, web_port: int | None = None, environment: Environment | None = None
) -> Iterator[Site]:
    """Run web, worker and beat; on leaving the block, stop them.

    If another process already runs the site of this data folder, that one is used and left
    running. Programs that die are started again. On Linux everything ends with this process,
    even if it is killed.

    Args:
        web_port: the port wanted; the next free one is taken if it is in use. 8000 if not given.
        environment: the environment to run in; the embedded one if not given.

    Raises:
        EmbeddedUnavailable: the site did not come up; the text quotes the log.
    """
    environment = environment or ensure_environment()
    folder = environment.folder
    lock = FileLock(_lock_path(folder))
    try:
        if lock.try_take():
            with _terminable(), _own_site(environment, web_port or DEFAULT_PORT) as site:
                yield site
        else:
            yield _other_site(folder)
    finally:
        lock.close()


@contextmanager
def _own_site(environment: Environment, wanted_port: int) -> Iterator[Site]:
    folder = environment.folder
    port = hold_port(wanted_port)
    if port.number != wanted_port:
        tell(f"port {wanted_port} is taken, using {port.number}")
    site = Site(
        f"http://{HOST}:{port.number}/", folder, True, _start_runner(environment, port.number)
    )
    try:
        _wait_until_up(site, port.number)
        _state_path(folder).write_text(json.dumps({"url": site.url}), encoding="utf-8")
        yield site
    finally:
        _state_path(folder).unlink(missing_ok=True)
        _stop_runner(site)
        port.close()


def _start_runner(environment: Environment, port: int) -> subprocess.Popen[bytes]:
    folder = environment.folder
    configuration = folder.site / "supervisord.conf"
    configuration.write_text(
        supervisor_configuration(environment.name, folder, port), encoding="utf-8"
    )
    _state_path(folder).unlink(missing_ok=True)
    _log_path(folder).unlink(missing_ok=True)
    with _complaints_path(folder).open("wb") as complaints:
        return subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "supervisor.supervisord", "-c", str(configuration)],
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            stdout=complaints,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches us alone; we stop the others in order
            preexec_fn=bound_to_parent(signal.SIGTERM),  # noqa: PLW1509
        )


def _wait_until_up(site: Site, port: int) -> None:
    """Wait until the web server is healthy and the worker answers."""
    deadline = time.monotonic() + START_PATIENCE_SECONDS
    # An application of its own, without Django: it only asks whether a worker is there.
    worker = Celery(
        "probe", broker=broker_url(os.environ["REDIS_URL"]), fixups=[], set_as_current=False
    )
    for name, is_up in (
        ("web", lambda: _is_healthy(port)),
        ("worker", lambda: _answers_ping(worker)),
    ):
        while not is_up():
            if not site.is_running():
                reason = last_line(_complaints_path(site.folder))
                raise EmbeddedUnavailable(f"supervisord did not start: {reason}")
            if time.monotonic() > deadline:
                reason = last_line(site.folder.logs / f"{name}.log")
                raise EmbeddedUnavailable(f"the {name} process did not start: {reason}")
            time.sleep(POLL_SECONDS)


def _is_healthy(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _answers_ping(worker: Celery) -> bool:
    try:
        return bool(worker.control.ping(timeout=PING_SECONDS))
    except (OperationalError, RedisError, OSError):
        return False


def _stop_runner(site: Site) -> None:
    runner = site._runner
    if runner is None or runner.poll() is not None:
        return
    runner.terminate()
    try:
        runner.wait(STOP_PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        runner.kill()  # its programs are bound to it and end too
        runner.wait()


def _other_site(folder: DataFolder) -> Site:
    """The site that another process runs, once it is up."""
    deadline = time.monotonic() + START_PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            url = json.loads(_state_path(folder).read_text(encoding="utf-8"))["url"]
        except FileNotFoundError:
            time.sleep(POLL_SECONDS)
            continue
        tell(f"using the site that already runs at {url}")
        return Site(url, folder, False, None)
    raise EmbeddedUnavailable("another process is starting or stopping the site; try again")


@contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM end the program as Ctrl-C does, with everything put in order."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _lock_path(folder: DataFolder) -> Path:
    return folder.site / "site.lock"


def _state_path(folder: DataFolder) -> Path:
    return folder.site / "site.json"


def _complaints_path(folder: DataFolder) -> Path:
    """What supervisord says before it has its log."""
    return folder.logs / "supervisord-start.log"


def _log_path(folder: DataFolder) -> Path:
    return folder.logs / "supervisord.log"
