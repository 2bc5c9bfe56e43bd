"""Processes that are killed at a named point of their work, as the machine would kill them.

They come from a fork server: a process that was forked from the tests themselves would have their
threads' locks without their threads.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from django.conf import settings
from django.db import connection

PATIENCE_SECONDS = 120
# Settings that tests change and the other process has to know.
_CARRIED = (
    *("STORAGES", "MEDIA_ROOT", "EGRESS_HOSTS"),
    *("OWN_PARTITION_FROM", "RECONCILE_SHARDS", "RECONCILE_SHARDS_FROM"),
)


@dataclass(frozen=True)
class Trap:
    """Die by SIGKILL right before or right after the module calls one of its functions."""

    module: str
    function: str
    is_after: bool = True

    def set(self) -> None:
        """Put the trap into this process."""
        module = import_module(self.module)
        original = getattr(module, self.function)

        def die(*arguments: Any, **options: Any) -> None:
            if self.is_after:
                original(*arguments, **options)
            os.kill(os.getpid(), signal.SIGKILL)

        setattr(module, self.function, die)


def die_at(trap: Trap, work: str, **arguments: Any) -> None:
    """Do the work in a process of its own, which has to be killed on the way.

    Args:
        work: dotted name of the service.
        arguments: of the service; `actor` as the id of a user.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.faults"])
    stage = {name: getattr(settings, name) for name in _CARRIED}
    stage["database"] = connection.settings_dict["NAME"]
    process = context.Process(target=_perform, args=(trap, work, arguments, stage))
    process.start()
    process.join(PATIENCE_SECONDS)
    assert process.exitcode == -signal.SIGKILL, f"not killed at the trap: {process.exitcode}"
    _wait_until_its_sessions_ended(_session_name(process.pid))


def _session_name(pid: int | None) -> str:
    return f"trapped-{pid}"


def _wait_until_its_sessions_ended(name: str) -> None:
    """The database server notices a dead client a moment later; until then it keeps its locks."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute("SELECT 1 FROM pg_stat_activity WHERE application_name = %s", [name])
            if cursor.fetchone() is None:
                return
        time.sleep(0.01)
    raise AssertionError(f"sessions of the killed process {name} are still there")


def _perform(trap: Trap, work: str, arguments: Mapping[str, Any], stage: Mapping[str, Any]) -> None:
    import django

    django.setup()
    for name in _CARRIED:
        setattr(settings, name, stage[name])
    connection.settings_dict["NAME"] = stage["database"]
    options = connection.settings_dict["OPTIONS"]
    connection.settings_dict["OPTIONS"] = options | {"application_name": _session_name(os.getpid())}
    from apps.identity.models import User

    given = dict(arguments)
    if "actor" in given:
        given["actor"] = User.objects.get(pk=given["actor"])
    module, _, name = work.rpartition(".")
    trap.set()
    getattr(import_module(module), name)(**given)
