"""Where the embedded environment keeps things, and who may look into it.

Nothing here changes the mode or owner of a folder that it did not make itself.
"""

from __future__ import annotations

import os
import re
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from apps.operations.embedded.errors import EmbeddedUnavailable

CHECKOUT = Path(__file__).resolve().parents[3]
PRIVATE_MODE = 0o700
FOLDER_VARIABLES = {"embedded": "FINFLOW_DATA_DIR", "test": "FINFLOW_TEST_DATA_DIR"}

# The longest path that a unix socket takes is 104 bytes on macOS and 108 on Linux, and both
# servers add a file name of up to 22 bytes to the folder's path.
SOCKET_FOLDER_MAX_BYTES = 80
SOCKET_FOLDER_PATTERN = re.compile(r"[\w/.+-]+")


@dataclass(frozen=True)
class DataFolder:
    """One data folder: servers' data, keys, logs and the locks that hold it together."""

    root: Path

    @property
    def keys(self) -> Path:
        """Secrets made on the first start."""
        return self.root / "keys"

    @property
    def logs(self) -> Path:
        """What servers and processes print."""
        return self.root / "logs"

    @property
    def media(self) -> Path:
        """Files that the application stores."""
        return self.root / "media"

    @property
    def site(self) -> Path:
        """State of the web, worker and beat processes."""
        return self.root / "site"

    @property
    def servers(self) -> Path:
        """Data of PostgreSQL and Redis. Private to us, even if the data folder is not."""
        return self.root / "servers"

    @property
    def postgres(self) -> Path:
        """PostgreSQL's data directory."""
        return self.servers / "postgres"

    @property
    def redis(self) -> Path:
        """Redis' data directory."""
        return self.servers / "redis"

    @property
    def record(self) -> Path:
        """What the keeper runs: socket folder, process ids and start times."""
        return self.servers / "running.json"

    @property
    def start_lock(self) -> Path:
        """Held by a process while it starts or joins the servers: one at a time."""
        return self.root / "start.lock"

    @property
    def clients_lock(self) -> Path:
        """Shared by everyone who uses the servers; the keeper waits to have it alone."""
        return self.root / "clients.lock"

    @property
    def keeper_lock(self) -> Path:
        """Held by the keeper while it lives."""
        return self.root / "keeper.lock"

    def make(self) -> None:
        """Create what is missing; refuse a folder that belongs to somebody else.

        Raises:
            EmbeddedUnavailable: the folder is another user's or cannot be made.
        """
        try:
            self.root.mkdir(mode=PRIVATE_MODE, parents=True, exist_ok=True)
            owner = self.root.stat().st_uid
            if owner == os.geteuid():
                for folder in (self.keys, self.logs, self.media, self.site, self.servers):
                    make_private(folder)
        except OSError as error:
            raise EmbeddedUnavailable(
                f"cannot use the data folder {self.root} ({error.strerror}); "
                "set FINFLOW_DATA_DIR to a folder of your own"
            ) from error
        if owner != os.geteuid():
            raise EmbeddedUnavailable(
                f"the data folder {self.root} belongs to user id {owner}, you are "
                f"{os.geteuid()}; run as its owner or set FINFLOW_DATA_DIR to a folder of your own"
            )


def default_data_folder(name: str) -> DataFolder:
    """`var/<name>` in the checkout, or where the environment's variable says.

    Each environment has a variable of its own: tests must not reach data of value.
    """
    chosen = os.environ.get(FOLDER_VARIABLES[name])
    return DataFolder(Path(chosen).expanduser().resolve() if chosen else CHECKOUT / "var" / name)


def make_private(folder: Path) -> None:
    """Create a folder that only we may enter; an existing one is left as it is."""
    folder.mkdir(mode=PRIVATE_MODE, exist_ok=True)


def is_private(folder: Path) -> bool:
    """Whether the path is a real folder (no link) of ours that nobody else may enter."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    return (
        stat.S_ISDIR(found.st_mode)
        and found.st_uid == os.geteuid()
        and stat.S_IMODE(found.st_mode) & 0o077 == 0
    )


def make_socket_folder() -> Path:
    """A new private folder whose path is short enough for unix sockets.

    The name is random, so that nobody can take it before us.
    """
    wanted = [os.environ.get("XDG_RUNTIME_DIR", ""), tempfile.gettempdir(), "/tmp"]  # noqa: S108
    for parent in filter(None, wanted):
        short = len(os.fsencode(parent)) + len("/finflow-xxxxxxxx") <= SOCKET_FOLDER_MAX_BYTES
        if short and SOCKET_FOLDER_PATTERN.fullmatch(parent) and os.access(parent, os.W_OK):
            return Path(tempfile.mkdtemp(prefix="finflow-", dir=parent))
    raise EmbeddedUnavailable("no writable temporary folder with a short path; set TMPDIR=/tmp")
