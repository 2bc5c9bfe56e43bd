"""As whom a child process runs, and that it does not outlive its parent.

PostgreSQL refuses to run as root. Started as root, the servers therefore run as `nobody`, and
their data belongs to `nobody` inside a folder that only root may enter. So that they reach it,
and the programs in a checkout that may be root's alone, they keep one capability: to pass folders
and read files (CAP_DAC_READ_SEARCH; in containers, which mostly lack it, CAP_DAC_OVERRIDE). Other
processes of `nobody` do not have it and stay outside. No folder's mode changes, no system user is
added, nothing is copied.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from apps.operations.embedded.errors import EmbeddedUnavailable

IS_LINUX = sys.platform == "linux"

# <linux/prctl.h>, <linux/capability.h>, <linux/securebits.h>
PR_SET_PDEATHSIG = 1
PR_SET_SECUREBITS = 28
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
# Without it access(2), by which PostgreSQL finds its own programs, ignores capabilities.
SECBIT_NO_SETUID_FIXUP = 1 << 2
CAPABILITY_VERSION_3 = 0x20080522
CAP_DAC_OVERRIDE = 1
CAP_DAC_READ_SEARCH = 2


@dataclass(frozen=True)
class ServerUser:
    """An unprivileged user that servers run as when we are root."""

    uid: int
    gid: int
    capability: int  # number of the capability that lets it pass our private folders

    def give(self, path: str | os.PathLike[str]) -> None:
        """Make this user the owner of a file or folder that we have just made."""
        os.chown(path, self.uid, self.gid)


class _CapabilityHeader(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class _CapabilitySet(ctypes.Structure):
    _fields_ = [
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    ]


_libc = ctypes.CDLL(None, use_errno=True)


def server_user() -> ServerUser | None:
    """Whom the servers run as: ourselves (None), or `nobody` if we are root.

    Raises:
        EmbeddedUnavailable: PostgreSQL would not run as that user.
    """
    if os.geteuid() != 0:
        _require_name(os.geteuid())
        return None
    if not IS_LINUX:
        raise EmbeddedUnavailable("PostgreSQL does not run as root; start FinFlow as a user")
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError as error:
        raise EmbeddedUnavailable(
            "PostgreSQL does not run as root and this system has no user 'nobody'; "
            "start FinFlow as an ordinary user, or set DATABASE_URL and REDIS_URL"
        ) from error
    return ServerUser(uid=nobody.pw_uid, gid=nobody.pw_gid, capability=_passing_capability())


def _require_name(uid: int) -> None:
    """PostgreSQL's initdb wants its user to have a name; containers often invent a number."""
    try:
        pwd.getpwuid(uid)
    except KeyError as error:
        raise EmbeddedUnavailable(
            f"user id {uid} has no name on this system, and PostgreSQL needs one; "
            "add it to /etc/passwd, or set DATABASE_URL and REDIS_URL"
        ) from error


def bound_to_parent(death_signal: signal.Signals) -> Callable[[], None]:
    """A `preexec_fn`: the child gets `death_signal` when its parent dies, even by SIGKILL.

    Only Linux can do that; elsewhere the next start cleans up. The kernel looks at the thread
    that started the child, so start children from a thread that lives as long as the process.
    """
    parent_pid = os.getpid()

    def prepare() -> None:
        bind_to(parent_pid, death_signal)

    return prepare


def bind_to(parent_pid: int, death_signal: signal.Signals) -> None:
    """Have this process signalled when its parent dies; end at once if that has happened."""
    if not IS_LINUX:
        return
    _prctl(PR_SET_PDEATHSIG, death_signal)
    if os.getppid() != parent_pid:
        os._exit(1)


def confined(user: ServerUser | None, death_signal: signal.Signals) -> Callable[[], None]:
    """A `preexec_fn` for a server: runs as `user` (None: as we are) and bound to its parent."""
    bind = bound_to_parent(death_signal)

    def prepare() -> None:
        if user is not None:
            _become(user)
        if IS_LINUX:
            _prctl(PR_SET_NO_NEW_PRIVS, 1)
        bind()  # last: a change of user clears the death signal

    return prepare


def adopt_orphans() -> None:
    """Become the parent of what our dead children leave behind (Linux)."""
    if IS_LINUX:
        _prctl(PR_SET_CHILD_SUBREAPER, 1)


def _passing_capability() -> int:
    """The smaller of the two capabilities that pass private folders, of those that we have."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("CapPrm:"):
            permitted = int(line.split()[1], 16)
            return CAP_DAC_READ_SEARCH if permitted & 1 << CAP_DAC_READ_SEARCH else CAP_DAC_OVERRIDE
    return CAP_DAC_OVERRIDE


def _become(user: ServerUser) -> None:
    """Change from root to `user`, keeping only the capability to pass and read folders."""
    _prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP)
    os.setgroups([])
    os.setresgid(user.gid, user.gid, user.gid)
    os.setresuid(user.uid, user.uid, user.uid)
    kept = 1 << user.capability
    header = _CapabilityHeader(CAPABILITY_VERSION_3, 0)
    sets = (_CapabilitySet * 2)(_CapabilitySet(kept, kept, kept), _CapabilitySet(0, 0, 0))
    _require_success(_libc.capset(ctypes.byref(header), sets))
    _prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, user.capability)


def _prctl(option: int, *arguments: int) -> None:
    padded = [*arguments, 0, 0, 0, 0][:4]
    _require_success(_libc.prctl(option, *(ctypes.c_ulong(value) for value in padded)))


def _require_success(result: int) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
