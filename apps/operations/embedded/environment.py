"""Joining the embedded environment: servers, secrets and what `os.environ` says of them."""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

from apps.operations.embedded import postgres_server, redis_server
from apps.operations.embedded.errors import EmbeddedUnavailable
from apps.operations.embedded.flocks import POLL_SECONDS, FileLock, is_held
from apps.operations.embedded.folders import (
    CHECKOUT,
    FOLDER_VARIABLES,
    DataFolder,
    default_data_folder,
)
from apps.operations.embedded.keys import key_variables, make_keys, read_secret
from apps.operations.embedded.programs import postgres_programs
from apps.operations.embedded.progress import tell
from apps.operations.embedded.record import Record, read_record
from apps.operations.embedded.server import START_PATIENCE_SECONDS

SETTINGS_MODULES = {"embedded": "config.settings.embedded", "test": "config.settings.test"}
STOP_PATIENCE_SECONDS = 40
EXIT_PATIENCE_SECONDS = 2

# Names the variables that an embedded environment has set, not the user. A child process
# inherits both and thereby knows that it may join the servers, or replace them by its own.
MARK = "FINFLOW_EMBEDDED_VARIABLES"


@dataclass
class Environment:
    """This process' hold on an embedded environment.

    `variables` is what was set in `os.environ`; a variable that the user had set is not among
    them. `is_serving` tells whether the embedded servers are in use: not so when both
    `DATABASE_URL` and `REDIS_URL` point elsewhere.
    """

    name: str
    folder: DataFolder
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)  # with secrets
    _presence: FileLock | None = field(default=None, repr=False)
    _owner_pid: int = field(default_factory=os.getpid, repr=False)

    @property
    def is_serving(self) -> bool:
        """Whether this environment keeps embedded servers running."""
        return self._presence is not None

    def revive(self) -> None:
        """Start the servers again if their keeper was killed; nothing to do otherwise."""
        if not self.is_serving or is_held(self.folder.keeper_lock):
            return
        start = FileLock(self.folder.start_lock)
        start.take()
        try:
            _serve(self.name, self.folder)
        finally:
            start.close()

    def release(self) -> None:
        """Let the servers go. If nobody else uses them, wait until they have stopped."""
        if self._presence is None:
            return
        presence, self._presence = self._presence, None
        presence.close()
        _joined.pop(self.folder.root, None)
        if os.getpid() == self._owner_pid:
            _wait_until_stopped(self.folder)


_joined: dict[Path, Environment] = {}


def ensure_environment(*, name: str = "embedded", data_dir: Path | None = None) -> Environment:
    """Make `os.environ` complete: start or join the embedded servers, read or make the secrets.

    Variables that the user set stay as they are; with both `DATABASE_URL` and `REDIS_URL` set,
    no server is started. Called again in one process it returns the same environment. The hold
    ends with the process; the servers stop when the last process has gone.

    Args:
        name: `embedded` for work, `test` for tests (servers that trade safety for speed).
        data_dir: another data folder than `var/<name>`.

    Raises:
        EmbeddedUnavailable: with one line that says what is wrong and what to do.
    """
    folder = DataFolder(data_dir.resolve()) if data_dir else default_data_folder(name)
    known = _joined.get(folder.root)
    if known is not None:
        return known
    taken = set(os.environ) - own_variables()
    folder.make()
    environment = Environment(name, folder)
    with ExitStack() as undo:
        if not {"DATABASE_URL", "REDIS_URL"} <= taken:
            environment._presence = FileLock(folder.clients_lock)
            undo.callback(environment._presence.close)
        found = _join(environment)
        undo.pop_all()
    environment.variables = {key: text for key, text in found.items() if key not in taken}
    _export(environment)
    _joined[folder.root] = environment
    atexit.register(environment.release)
    return environment


def joined_environment() -> Environment:
    """The environment that this process works in; one of its own if it has joined none yet."""
    return next(iter(_joined.values()), None) or ensure_environment()


def own_variables() -> set[str]:
    """The variables of `os.environ` that an embedded environment has set, here or above us."""
    return set(filter(None, os.environ.get(MARK, "").split(",")))


def _join(environment: Environment) -> dict[str, str]:
    """Hold the servers, if wanted, and return every variable of the environment."""
    folder = environment.folder
    start = FileLock(folder.start_lock)
    start.take()
    try:
        make_keys(folder)
        variables = {
            "DJANGO_SETTINGS_MODULE": SETTINGS_MODULES.get(
                environment.name, SETTINGS_MODULES["embedded"]
            ),
            FOLDER_VARIABLES.get(environment.name, "FINFLOW_DATA_DIR"): str(folder.root),
            "FINFLOW_MEDIA_DIR": str(folder.media),
            **key_variables(folder),
        }
        if environment._presence is not None:
            environment._presence.share()  # waits while a keeper is stopping
            sockets = _serve(environment.name, folder).sockets
            password = read_secret(folder, "database_password")
            variables["DATABASE_URL"] = postgres_server.database_url(sockets, password)
            variables["REDIS_URL"] = redis_server.redis_url(sockets)
        return variables
    finally:
        start.close()


def _serve(name: str, folder: DataFolder) -> Record:
    """Wait until the servers answer, starting a keeper if there is none."""
    deadline = time.monotonic() + START_PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if not is_held(folder.keeper_lock):
            _start_keeper(name, folder)
        record = read_record(folder)
        if (
            record is not None
            and postgres_server.is_ready(folder, record.sockets)
            and redis_server.is_ready(record.sockets)
        ):
            return record
        time.sleep(POLL_SECONDS)
    raise EmbeddedUnavailable(
        f"the servers of {folder.root} do not answer; see the logs in {folder.logs}"
    )


def _start_keeper(name: str, folder: DataFolder) -> None:
    """Start a keeper of its own session and wait until it reports the servers ready.

    Raises:
        EmbeddedUnavailable: in the keeper's words.
    """
    durability = "volatile" if name == "test" else "durable"
    with (folder.logs / "keeper.log").open("ab") as log:
        keeper = subprocess.Popen(  # noqa: S603
            [
                *(sys.executable, "-m", "apps.operations.embedded.keeper"),
                *(str(folder.root), durability),
            ],
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
    _keepers[folder.root] = keeper
    with keeper.stdout or open(os.devnull) as reports:
        for line in reports:
            kind, _, words = line.strip().partition(" ")
            if kind == "progress":
                tell(words)
            elif kind == "failed":
                keeper.wait()
                raise EmbeddedUnavailable(words)
            elif kind == "ready":
                return


# The keepers that are children of this process, by data folder.
_keepers: dict[Path, subprocess.Popen[str]] = {}


def _export(environment: Environment) -> None:
    os.environ.update(environment.variables)
    os.environ[MARK] = ",".join(sorted(environment.variables))
    if environment.is_serving:
        # For `manage.py dbshell`: the wheel's psql, after one that the system may have.
        programs = str(postgres_programs())
        if programs not in os.environ.get("PATH", "").split(os.pathsep):
            os.environ["PATH"] = os.pathsep.join([os.environ.get("PATH", os.defpath), programs])


def _wait_until_stopped(folder: DataFolder) -> None:
    """Wait for the keeper to end, unless somebody else still uses its servers."""
    clients = FileLock(folder.clients_lock)
    deadline = time.monotonic() + STOP_PATIENCE_SECONDS
    try:
        while is_held(folder.keeper_lock) and time.monotonic() < deadline:
            if clients.try_take():
                # Nobody else. Step back at once: the keeper wants the lock.
                clients.close()
                clients = FileLock(folder.clients_lock)
            elif clients.try_share():
                return
            time.sleep(POLL_SECONDS)
    finally:
        clients.close()
    keeper = _keepers.pop(folder.root, None)
    if keeper is not None:  # our child: collect it, and thereby see it gone
        with suppress(subprocess.TimeoutExpired):
            keeper.wait(EXIT_PATIENCE_SECONDS)
