"""The keeper: a small process that is the parent of PostgreSQL and Redis.

It starts them, starts again what dies, and stops both when the last client has gone. Clients do
not talk to it: each holds a shared lock on `clients.lock`, which the kernel drops when the client
dies, however it dies; the keeper tries to have that lock alone. If the keeper itself is killed,
the kernel signals its children to end (see `privileges`), and the next keeper cleans up.

Run as `python -m apps.operations.embedded.keeper FOLDER durable|volatile`. Until the servers
answer it reports on standard output, one line each: `progress TEXT`, `failed TEXT`, `ready`.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

import psutil

from apps.operations.embedded import postgres_server, redis_server
from apps.operations.embedded.errors import EmbeddedUnavailable
from apps.operations.embedded.flocks import FileLock
from apps.operations.embedded.folders import (
    DataFolder,
    is_private,
    make_private,
    make_socket_folder,
)
from apps.operations.embedded.privileges import ServerUser, adopt_orphans, server_user
from apps.operations.embedded.record import Record, read_record, write_record
from apps.operations.embedded.server import Server, stop_stray, works_in

WATCH_INTERVAL_SECONDS = 0.1
TAKE_OVER_PATIENCE_SECONDS = 5


@dataclass
class Keeper:
    """What one keeper holds while it lives."""

    folder: DataFolder
    durability: str
    is_asked_to_stop: bool = False
    servers: list[Server] = field(default_factory=list)

    def run(self) -> None:
        """Start the servers, keep them until nobody uses them, stop them."""
        own = FileLock(self.folder.keeper_lock)
        if not own.try_take(patience_seconds=TAKE_OVER_PATIENCE_SECONDS):
            return  # another keeper was quicker; whoever started us will find it
        clients = FileLock(self.folder.clients_lock)
        try:
            sockets = self._start()
            report("ready")
            self._watch(clients, sockets)
        finally:
            self._stop()
        # Both locks go with the process: whoever finds them free finds us gone.

    def ask_to_stop(self, _signal: int, _frame: FrameType | None) -> None:
        """Signal handler: leave the watch at its next turn."""
        self.is_asked_to_stop = True

    def _start(self) -> Path:
        user = server_user()
        adopt_orphans()
        remains = read_record(self.folder)
        stop_strays(self.folder, remains)
        if not self.folder.postgres.exists():
            report(f"progress creating the database in {self.folder.servers}")
        postgres_server.make_database(self.folder, user)
        sockets = prepare_sockets(remains, user)
        if not self.folder.redis.exists():
            make_private(self.folder.redis)
            _give(self.folder.redis, user)
        self.servers = [
            postgres_server.postgres_server(self.folder, sockets, user, durability=self.durability),
            redis_server.redis_server(self.folder, sockets, user, durability=self.durability),
        ]
        # Recorded before the first process starts, so that no folder is ever forgotten.
        write_record(self.folder, sockets, [])
        for server in self.servers:
            server.start()
        write_record(self.folder, sockets, self.servers)
        for server in self.servers:
            server.wait_until_ready()
        return sockets

    def _watch(self, clients: FileLock, sockets: Path) -> None:
        while not self.is_asked_to_stop and not clients.try_take():
            for server in self.servers:
                if not server.is_running() and self._restart(server):
                    write_record(self.folder, sockets, self.servers)
            time.sleep(WATCH_INTERVAL_SECONDS)

    def _restart(self, server: Server) -> bool:
        end_orphans(self.servers)
        try:
            is_started = server.restart_when_due()
        except (OSError, subprocess.SubprocessError) as error:
            log(f"{server.name} cannot be started: {error}")
            return False
        if is_started:
            log(f"{server.name} had ended; started again (restart {server.restarts_count})")
        return is_started

    def _stop(self) -> None:
        for server in self.servers:
            server.stop()
        end_orphans([])
        remains = read_record(self.folder)
        if remains is not None and is_private(remains.sockets):
            shutil.rmtree(remains.sockets)
        self.folder.record.unlink(missing_ok=True)


def stop_strays(folder: DataFolder, remains: Record | None) -> None:
    """End servers that outlived an earlier keeper, and drop the pid file that blocks a start.

    We hold the keeper's lock, so nobody else may run servers over this data folder.
    """
    traces = remains.traces if remains is not None else {}
    for name, data, stop_signal in (
        ("PostgreSQL", folder.postgres, postgres_server.STOP_SIGNAL),
        ("Redis", folder.redis, signal.SIGTERM),
    ):
        process = traces[name].process(data) if name in traces else None
        if process is not None:
            log(f"{name} (process {process.pid}) was left behind; stopping it")
            stop_stray(process, stop_signal)
    pid_file = folder.postgres / "postmaster.pid"
    if not pid_file.exists():
        return
    # PostgreSQL believes a pid file as long as any process has that number, for instance
    # after a reboot. Ours counts only if that process works in this data folder.
    first_line = pid_file.read_text(encoding="utf-8").split("\n", 1)[0].strip()
    if first_line.isdigit() and psutil.pid_exists(int(first_line)):
        process = psutil.Process(int(first_line))
        if works_in(process, folder.postgres):
            stop_stray(process, postgres_server.STOP_SIGNAL)
    pid_file.unlink(missing_ok=True)


def prepare_sockets(remains: Record | None, user: ServerUser | None) -> Path:
    """The socket folder: the one of before if it is still ours, so that clients find it again."""
    if remains is not None and is_private(remains.sockets):
        sockets = remains.sockets
    else:
        sockets = make_socket_folder()
    for name in ("postgres", "redis"):
        part = sockets / name
        shutil.rmtree(part, ignore_errors=True)
        make_private(part)
        _give(part, user)
    return sockets


def end_orphans(servers: list[Server]) -> None:
    """Kill what a dead server left running, which the kernel made our children (Linux).

    PostgreSQL does not start again while a session of its predecessor still runs.
    """
    known = {server.trace().pid for server in servers if server.is_running()}
    orphans = [child for child in psutil.Process().children() if child.pid not in known]
    for orphan in orphans:
        orphan.kill()
    psutil.wait_procs(orphans, timeout=5)


def report(line: str) -> None:
    """Tell the client that waits for us, if it is still there."""
    try:
        print(line, flush=True)  # noqa: T201
    except BrokenPipeError:
        log(line)


def log(message: str) -> None:
    """Write a line to the keeper's log, which is our standard error."""
    print(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {message}", file=sys.stderr, flush=True)  # noqa: T201


def main(arguments: list[str]) -> int:
    """Run a keeper over the folder named first, with the durability named second."""
    root, durability = arguments
    keeper = Keeper(DataFolder(Path(root)), durability)
    signal.signal(signal.SIGTERM, keeper.ask_to_stop)
    signal.signal(signal.SIGINT, keeper.ask_to_stop)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    os.umask(0o077)
    try:
        keeper.run()
    except (EmbeddedUnavailable, OSError, subprocess.SubprocessError) as error:
        log(f"failed: {error}")
        report(f"failed {_explain(error)}")
        return 1
    return 0


def _explain(error: Exception) -> str:
    if isinstance(error, subprocess.SubprocessError):
        return (
            "this machine does not let root run a program as 'nobody' (a container with few "
            "capabilities?); start as an ordinary user, or set DATABASE_URL and REDIS_URL"
        )
    return " ".join(str(error).split())


def _give(path: Path, user: ServerUser | None) -> None:
    if user is not None:
        user.give(path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
