"""The programs of a site, as supervisord's configuration."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

from apps.operations.embedded.folders import CHECKOUT, DataFolder
from apps.operations.embedded.ports import HOST

WEB_THREADS_COUNT = 8
WORKER_PROCESSES_COUNT = 2
LOG_MAX_BYTES = 10 * 1024 * 1024
LOG_BACKUPS_COUNT = 2
# supervisord gives up after this many failed starts in a row, which take days.
START_RETRIES_COUNT = 1000

# What polars frees goes back to the system after a second, not after ten: while millions of rows
# are read, that is a third less memory.
ALLOCATOR = "dirty_decay_ms:1000,muzzy_decay_ms:0"

PACKAGE = "apps.operations.embedded"


@dataclass(frozen=True)
class Program:
    """A command that runs as long as the site, and how long it may take to stop."""

    name: str
    command: list[str]
    stop_patience_seconds: int


def site_programs(environment_name: str, folder: DataFolder, port: int) -> list[Program]:
    """Guard, web, worker and beat."""
    python = sys.executable
    celery = [python, "-m", "celery", "--app", "config.celery"]
    web = [
        *(python, "-m", "granian", "--interface", "wsgi"),
        *("--host", HOST, "--port", str(port), "--no-ws"),
        *("--blocking-threads", str(WEB_THREADS_COUNT), "--backpressure", "64"),
        *("--respawn-failed-workers", "--workers-kill-timeout", "5"),
        "config.wsgi:application",
    ]
    worker = [
        *(python, "-m", f"{PACKAGE}.requeue", *celery),
        *("worker", "--pool", "prefork", "--concurrency", str(WORKER_PROCESSES_COUNT)),
        *("--loglevel", "INFO", "--without-gossip", "--without-mingle"),
    ]
    beat = [*celery, "beat", "--loglevel", "INFO", "--pidfile", ""]
    beat += ["--scheduler", "django_celery_beat.schedulers:DatabaseScheduler"]
    guard = [python, "-m", f"{PACKAGE}.guard", environment_name, str(folder.root)]
    return [
        Program("guard", guard, 5),
        Program("web", web, 10),
        Program("worker", worker, 20),
        Program("beat", beat, 5),
    ]


def supervisor_configuration(environment_name: str, folder: DataFolder, port: int) -> str:
    """The configuration file's text. There is no control socket: signals are enough."""
    programs = site_programs(environment_name, folder, port)
    names = ",".join(program.name for program in programs)
    return "\n".join(
        [
            _supervisord_section(folder),
            # One group, or supervisord stops the programs one after the other.
            _section("group:site", {"programs": names}),
            *(_program_section(program, folder) for program in programs),
        ]
    )


def _supervisord_section(folder: DataFolder) -> str:
    lines = {
        "nodaemon": "true",
        "silent": "true",
        "logfile": folder.logs / "supervisord.log",
        "logfile_maxbytes": LOG_MAX_BYTES,
        "logfile_backups": LOG_BACKUPS_COUNT,
        "pidfile": folder.site / "supervisord.pid",
        "childlogdir": folder.logs,
        "umask": "077",
        "environment": f'_RJEM_MALLOC_CONF="{ALLOCATOR}"',
    }
    if os.geteuid() == 0:
        lines["user"] = "root"  # said aloud, or supervisord warns of it
    return _section("supervisord", lines)


def _program_section(program: Program, folder: DataFolder) -> str:
    leashed = [sys.executable, "-m", f"{PACKAGE}.leash", *program.command]
    return _section(
        f"program:{program.name}",
        {
            "command": " ".join(_quoted(word) for word in leashed),
            "directory": CHECKOUT,
            "autorestart": "true",
            "startsecs": 2,
            "startretries": START_RETRIES_COUNT,
            "stopwaitsecs": program.stop_patience_seconds,
            "killasgroup": "true",
            "redirect_stderr": "true",
            "stdout_logfile": folder.logs / f"{program.name}.log",
            "stdout_logfile_maxbytes": LOG_MAX_BYTES,
            "stdout_logfile_backups": LOG_BACKUPS_COUNT,
        },
    )


def _section(title: str, lines: dict[str, object]) -> str:
    # A percent sign starts an expansion.
    body = "".join(f"{key} = {str(value).replace('%', '%%')}\n" for key, value in lines.items())
    return f"[{title}]\n{body}"


def _quoted(word: str) -> str:
    """A word for supervisord's shlex, in which quotes protect spaces and backslashes do not."""
    return "'" + word.replace("'", "'\"'\"'") + "'"
