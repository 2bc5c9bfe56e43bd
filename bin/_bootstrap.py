"""Make the virtual environment, then become the program that runs in it.

Standard library only: this runs before anything is installed. What is installed is remembered in
a stamp inside the environment; as long as it agrees with the lock files, a start costs one small
file. The stamp goes before an installation begins and returns when it is complete, so that an
interrupted one is done again.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "finflow-installed.json"

# The development lock holds everything of the runtime lock in the same versions.
LOCKS = {"finflow": ROOT / "requirements.lock", "test": ROOT / "requirements-dev.lock"}
PROGRAMS = {"finflow": ROOT / "manage.py", "test": ROOT / "bin" / "_checks.py"}

# One of these for each line of a lock file; a wheel at hand is named by its path.
PIP_STEP = re.compile(
    r"(?:Collecting|Processing|Ignoring|Requirement already satisfied:) "
    r"(?:\S*/)?([\w.-]+?)(?:[\[=:\s]|-\d)"
)
SHOWN_EVERY_PACKAGES = 25
QUOTED_LINES_COUNT = 15


class InstallationFailed(Exception):
    """The packages could not be installed; the text says why."""


def main(arguments: list[str]) -> int:
    """Install what `arguments[0]` (finflow or test) needs and replace this process by it."""
    purpose, *rest = arguments
    try:
        prepare(purpose)
    except InstallationFailed as failure:
        say(str(failure))
        return 1
    return os.execv(PYTHON, [str(PYTHON), str(PROGRAMS[purpose]), *rest])  # noqa: S606


def prepare(purpose: str) -> None:
    """Install what is missing, unless another start does it while we wait for it."""
    if is_installed(purpose):
        return
    with one_at_a_time():
        if not is_installed(purpose):
            install(purpose)


def is_installed(purpose: str) -> bool:
    """Whether the environment holds what the purpose's lock file asks for."""
    try:
        stamp = json.loads(STAMP.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return False
    is_current = stamp.get("python") == python_version() and stamp.get(purpose) == digest(
        LOCKS[purpose]
    )
    # The start script takes the environment's Python if that runs at all. Having come here by
    # another one, look again: it may have been made while we waited, or be broken.
    return is_current and (Path(sys.prefix) == VENV or runs([str(PYTHON), "-c", ""]))


def install(purpose: str) -> None:
    """Bring the environment into agreement with the lock file.

    Raises:
        InstallationFailed: no environment could be made, or pip failed.
    """
    started_at_seconds = time.monotonic()
    STAMP.unlink(missing_ok=True)
    os.umask(0o022)  # programs must stay readable: servers may run as another user
    make_environment()
    install_packages(LOCKS[purpose])
    done = ["finflow", "test"] if purpose == "test" else ["finflow"]
    stamp = {"python": python_version(), **{name: digest(LOCKS[name]) for name in done}}
    draft = STAMP.with_suffix(".draft")
    draft.write_text(json.dumps(stamp), encoding="utf-8")
    draft.rename(STAMP)
    say(f"packages installed in {time.monotonic() - started_at_seconds:.0f} s")


def make_environment() -> None:
    """Create `.venv` unless there is one that works, with pip."""
    if runs([str(PYTHON), "-m", "pip", "--version"]):
        return
    say(f"making the Python environment in {VENV}")
    base = getattr(sys, "_base_executable", sys.executable)
    made = subprocess.run(  # noqa: S603
        [base, "-m", "venv", "--clear", str(VENV)], capture_output=True, text=True, check=False
    )
    if made.returncode != 0:
        raise InstallationFailed(f"cannot make {VENV}: {(made.stdout + made.stderr).strip()}")


def install_packages(lock: Path) -> None:
    """Install the lock file with pip, checking every hash, and show how far it is."""
    packages_count = len(re.findall(r"^[\w.-]+==", lock.read_text(encoding="utf-8"), re.MULTILINE))
    say(f"installing {packages_count} packages")
    command = [
        *(str(PYTHON), "-m", "pip", "install", "--require-hashes", "--no-deps", "--no-input"),
        *("--disable-pip-version-check", "--root-user-action", "ignore", "--progress-bar", "off"),
        *("--requirement", str(lock)),
    ]
    quoted: deque[str] = deque(maxlen=QUOTED_LINES_COUNT)
    with subprocess.Popen(  # noqa: S603
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as pip:
        seen_count = 0
        for line in pip.stdout or ():
            quoted.append(line.rstrip())
            step = PIP_STEP.match(line)
            if step:
                seen_count += 1
                show_progress(seen_count, packages_count, step[1])
            elif line.startswith("Installing collected packages"):
                show_line("unpacking")
    if pip.returncode != 0:
        raise InstallationFailed(
            "\n".join([*quoted, "finflow: pip failed; mend the above (network?) and start again"])
        )


def show_progress(done_count: int, total_count: int, name: str) -> None:
    """On a terminal one line that changes; elsewhere a line now and then."""
    text = f"fetching {done_count} of {total_count}: {name}"
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[Kfinflow: {text}")
        sys.stderr.flush()
    elif done_count % SHOWN_EVERY_PACKAGES == 0:
        say(text)


def show_line(text: str) -> None:
    """A line of its own, also after one that changes."""
    if sys.stderr.isatty():
        sys.stderr.write("\r\033[K")
    say(text)


def say(text: str) -> None:
    """One line for the person who waits."""
    sys.stderr.write(f"finflow: {text}\n")
    sys.stderr.flush()


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Let one process at a time change this checkout's environment."""
    folder = ROOT / "var"
    folder.mkdir(exist_ok=True)
    with (folder / "install.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another start of this checkout to install the packages")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def python_version() -> str:
    """The Python of the environment is the one that runs us, or the one it is made with."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def digest(lock: Path) -> str:
    """SHA-256 of a lock file."""
    return hashlib.sha256(lock.read_bytes()).hexdigest()


def runs(command: list[str]) -> bool:
    """Whether the command can be run and succeeds."""
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0  # noqa: S603
    except OSError:
        return False


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
