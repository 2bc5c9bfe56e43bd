"""PostgreSQL 18 on a unix socket of its own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

from apps.operations.embedded.errors import EmbeddedUnavailable
from apps.operations.embedded.folders import DataFolder
from apps.operations.embedded.keys import read_secret
from apps.operations.embedded.privileges import ServerUser, confined
from apps.operations.embedded.programs import (
    SERVER_VARIABLES,
    postgres_programs,
    require_runnable,
)
from apps.operations.embedded.server import Server, last_line

ROLE = DATABASE = "finflow"
MAJOR_VERSION = "18"
SOCKET_NAME = ".s.PGSQL.5432"
STOP_SIGNAL = signal.SIGINT  # "fast": roll back what runs, write a checkpoint, end
STATUS_LINE = 7  # of postmaster.pid, counted from 0: starting, ready, stopping
SHARED_MEMORY_FLOOR_BYTES = 512 * 1024 * 1024

# Only this role, only over the socket, only with its password: the superuser has no way in.
ACCESS_RULES = f"local all {ROLE} scram-sha-256\n"

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    # What names no id locks every partition (apps.common.partitions) and its indexes.
    "max_locks_per_transaction": "256",
    "shared_buffers": "512MB",
    "work_mem": "32MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "4GB",
    "wal_buffers": "64MB",
    "checkpoint_timeout": "15min",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    "log_checkpoints": "off",
    "log_error_verbosity": "terse",
    # Statements and details hold names and amounts; the log says what failed, not with what.
    "log_min_error_statement": "panic",
}
# For data that may be lost with the machine: tests.
VOLATILE_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def socket_folder(sockets: Path) -> Path:
    """Where PostgreSQL's socket lies inside the private socket folder."""
    return sockets / "postgres"


def database_url(sockets: Path, password: str) -> str:
    """A URL that django-environ reads: the socket's folder, then the database's name."""
    return f"postgres://{ROLE}:{password}@/{socket_folder(sockets)}/{DATABASE}"


def postgres_server(
    folder: DataFolder, sockets: Path, user: ServerUser | None, *, durability: str
) -> Server:
    """PostgreSQL over the data in `folder`, answering in `sockets`."""
    program = postgres_programs() / "postgres"
    settings = {
        **SETTINGS,
        **(VOLATILE_SETTINGS if durability == "volatile" else {}),
        "unix_socket_directories": str(socket_folder(sockets)),
        "dynamic_shared_memory_type": _shared_memory_type(),
    }
    command = [str(program), "-D", str(folder.postgres)]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    return Server(
        name="PostgreSQL",
        command=command,
        folder=folder.postgres,
        log=folder.logs / "postgres.log",
        user=user,
        stop_signal=STOP_SIGNAL,
        is_ready=lambda: is_ready(folder, sockets),
    )


def is_ready(folder: DataFolder, sockets: Path) -> bool:
    """Whether PostgreSQL takes connections: it says so in its pid file, and its socket answers."""
    try:
        lines = (folder.postgres / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    says_ready = len(lines) > STATUS_LINE and lines[STATUS_LINE].strip() == "ready"
    return says_ready and answers(socket_folder(sockets) / SOCKET_NAME)


def answers(path: Path) -> bool:
    """Whether a process listens on the unix socket."""
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(str(path))
        except OSError:
            return False
    return True


def make_database(folder: DataFolder, user: ServerUser | None) -> None:
    """Create the data directory with the role and the database, wholly or not at all.

    Raises:
        EmbeddedUnavailable: a program is missing or failed; or the data is of another version.
    """
    programs = postgres_programs()
    for name in ("postgres", "initdb"):
        require_runnable(programs / name, user)
    if folder.postgres.exists():
        _require_version(folder.postgres)
        return
    for leftover in folder.servers.glob("postgres.new-*"):
        shutil.rmtree(leftover)
    fresh = Path(tempfile.mkdtemp(prefix="postgres.new-", dir=folder.servers))
    if user is not None:
        user.give(fresh)
    log = folder.logs / "postgres-setup.log"
    _run(_initdb(programs, fresh), "", fresh, log, user)
    single = [str(programs / "postgres"), "--single", "-D", str(fresh), "postgres"]
    _run(single, _first_statements(read_secret(folder, "database_password")), fresh, log, user)
    (fresh / "pg_hba.conf").write_text(ACCESS_RULES, encoding="utf-8")
    fresh.rename(folder.postgres)


def _initdb(programs: Path, target: Path) -> list[str]:
    """The builtin locale provider: sorting does not change when the system's libraries do."""
    return [
        str(programs / "initdb"),
        *("-D", str(target), "-U", "postgres", "--auth=reject", "--encoding=UTF8"),
        *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
        "--no-instructions",
    ]


def _first_statements(password: str) -> str:
    """SQL that makes the role, without superuser rights, and its database."""
    return (
        # The password is 256 random bits: nothing to guess, so nothing to slow down.
        "SET scram_iterations = 1;\n"
        f"CREATE ROLE {ROLE} LOGIN CREATEDB PASSWORD '{password}';\n"
        f"CREATE DATABASE {DATABASE} OWNER {ROLE};\n"
    )


def _run(
    command: list[str], statements: str, folder: Path, log: Path, user: ServerUser | None
) -> None:
    with log.open("ab") as output:
        ended = subprocess.run(  # noqa: S603
            command,
            input=statements.encode(),
            cwd=folder,
            env=SERVER_VARIABLES,
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=confined(user, signal.SIGKILL),
            check=False,
        )
    if ended.returncode != 0:
        raise EmbeddedUnavailable(f"cannot create the database: {last_line(log)}")


def _require_version(data: Path) -> None:
    found = (data / "PG_VERSION").read_text(encoding="ascii").strip()
    if found != MAJOR_VERSION:
        raise EmbeddedUnavailable(
            f"{data} holds data of PostgreSQL {found}, this is {MAJOR_VERSION}; "
            "set FINFLOW_DATA_DIR to a new folder, or move the old one away"
        )


def _shared_memory_type() -> str:
    """Containers often have a /dev/shm too small for parallel queries; files serve as well."""
    try:
        room = os.statvfs("/dev/shm")  # noqa: S108
    except OSError:
        return "mmap"
    is_ample = room.f_frsize * room.f_blocks >= SHARED_MEMORY_FLOOR_BYTES
    return "posix" if is_ample else "mmap"
