"""Each program that serves or works stops at once, with a line for each fault and no trace."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from apps.operations.embedded.folders import CHECKOUT
from tests.embedded.stage import outside_variables

pytestmark = pytest.mark.embedded

CELERY = ["-m", "celery", "--app", "config.celery"]
PROGRAMS = {
    "web": ["-m", "granian", "--interface", "wsgi", "--port", "0", "config.wsgi:application"],
    "worker": [*CELERY, "worker", "--pool", "solo", "--loglevel", "ERROR"],
    "beat": [*CELERY, "--quiet", "beat", "--pidfile", ""],
    "migrate": ["manage.py", "migrate"],
    "check": ["manage.py", "check"],
}
# Of servers, EX_CONFIG of <sysexits.h>; granian has a status of its own for a failed worker.
STATUS = {"web": 1, "worker": 78, "beat": 78, "migrate": 1, "check": 1}

FAULTS = {
    "DATABASE_URL": (
        "postgres://host:port/db",
        "is not a PostgreSQL URL; set DATABASE_URL=postgres://user:password@host:5432/database",
    ),
    "REDIS_URL": (None, "is not set; set REDIS_URL=redis://host:6379/0"),
    "SECRET_KEY": (None, "is not set; set SECRET_KEY to 50 or more random characters"),
    "FINFLOW_KEY_RING": (
        "1:short",
        "is malformed: key 1 is not base64; set FINFLOW_KEY_RING=1:<base64 of 32 random bytes>",
    ),
    "JWT_PRIVATE_KEY_FILE": (
        "/nowhere",
        "cannot be read (No such file or directory); check the path and its permissions",
    ),
    "LOG_LEVEL": (
        "loud",
        "is not one of DEBUG, INFO, WARNING, ERROR, CRITICAL; for example LOG_LEVEL=WARNING",
    ),
}

Start = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def start(complete: dict[str, str]) -> Start:
    """Run one of PROGRAMS to its end with some variables changed (None: not set)."""

    def go(program: str, changes: dict[str, str | None]) -> subprocess.CompletedProcess[str]:
        variables = {**complete, **changes, "DJANGO_SETTINGS_MODULE": "config.settings.production"}
        return subprocess.run(
            [sys.executable, *PROGRAMS[program]],
            cwd=CHECKOUT,
            env=outside_variables(**{k: v for k, v in variables.items() if v is not None}),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return go


@pytest.mark.parametrize("program", PROGRAMS)
def test_all_faults_are_told_at_once_a_line_each(start: Start, program: str) -> None:
    done = start(program, {setting: value for setting, (value, _line) in FAULTS.items()})
    said = (done.stdout + done.stderr).splitlines()

    assert done.returncode == STATUS[program]
    for setting, (_value, line) in FAULTS.items():
        naming = [each for each in said if f" {setting} " in each]
        assert len(naming) == 1, naming
        assert naming[0].endswith(f"{setting} {line}")
    assert "Traceback" not in done.stdout + done.stderr


def test_a_sound_environment_passes_the_check(start: Start) -> None:
    done = start("check", {})

    assert done.returncode == 0, done.stderr
