"""Redis on a unix socket of its own: the Celery broker and the cache."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

from apps.operations.embedded.folders import DataFolder
from apps.operations.embedded.privileges import ServerUser
from apps.operations.embedded.programs import redis_program, require_runnable
from apps.operations.embedded.server import Server

SOCKET_NAME = "redis.sock"
ANSWER_PATIENCE_SECONDS = 1.0

SETTINGS = {
    "port": "0",  # no TCP
    "unixsocketperm": "700",
    "daemonize": "no",
    "save": "",
    # Queued work survives a restart: at most the last second is lost, and only with the machine.
    "appendonly": "yes",
    "appendfsync": "everysec",
    # A full memory refuses new work; it never drops queued work silently.
    "maxmemory-policy": "noeviction",
}
VOLATILE_SETTINGS = {"appendfsync": "no"}


def socket_path(sockets: Path) -> Path:
    """Redis' socket inside the private socket folder."""
    return sockets / "redis" / SOCKET_NAME


def redis_url(sockets: Path) -> str:
    """A URL that redis-py and Django's cache read."""
    return f"unix://{socket_path(sockets)}"


def broker_url(redis_url: str) -> str:
    """The same Redis in the form that Celery's transport reads."""
    if redis_url.startswith("unix://"):
        return "redis+socket://" + redis_url.removeprefix("unix://")
    return redis_url


def redis_server(
    folder: DataFolder, sockets: Path, user: ServerUser | None, *, durability: str
) -> Server:
    """Redis over the data in `folder`, answering in `sockets`."""
    require_runnable(redis_program(), user)
    settings = {
        **SETTINGS,
        **(VOLATILE_SETTINGS if durability == "volatile" else {}),
        "dir": str(folder.redis),
        "unixsocket": str(socket_path(sockets)),
    }
    command = [str(redis_program())]
    for name, value in settings.items():
        command += [f"--{name}", value]
    return Server(
        name="Redis",
        command=command,
        folder=folder.redis,
        log=folder.logs / "redis.log",
        user=user,
        stop_signal=signal.SIGTERM,
        is_ready=lambda: is_ready(sockets),
    )


def is_ready(sockets: Path) -> bool:
    """Whether Redis answers, with its data loaded."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(ANSWER_PATIENCE_SECONDS)
        try:
            connection.connect(str(socket_path(sockets)))
            connection.sendall(b"PING\r\n")
            return connection.recv(7) == b"+PONG\r\n"
        except OSError:
            return False
