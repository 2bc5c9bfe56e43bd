"""Opening the environment that everything but `reconcile` works in."""

from __future__ import annotations

import asyncio
import os
import threading
from typing import Final

import django
from django.apps import apps
from django.core import checks
from django.core.management import call_command
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor

from apps.operations.embedded import EmbeddedUnavailable
from apps.operations.embedded.environment import own_variables

DEFAULT_SETTINGS: Final = "config.settings.embedded"

_LOCK: Final = threading.RLock()
_IS_OPEN: Final = threading.Event()


class Unavailable(RuntimeError):
    """There is no database to work with; the text says what is wrong and what to do."""


def connect() -> None:
    """Open the environment now rather than with the first call that needs it.

    Starts or joins the embedded servers, configures Django and brings an embedded database up to
    date. In a process that has configured Django already, its settings are used. A database of
    your own is never migrated from here. Called again it does nothing.

    Raises:
        Unavailable: a setting is wrong, a server does not answer, or a database of your own lacks
            migrations.
    """
    with _LOCK:
        if _IS_OPEN.is_set():
            return
        if not apps.ready:
            _configure()
        _require_settings()
        _require_tables()
        _IS_OPEN.set()


def _configure() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", DEFAULT_SETTINGS)
    if _is_in_event_loop():
        # A notebook runs its cells inside a loop. Nobody else waits for that loop's turn here,
        # so Django's guard against blocking it would only forbid notebooks.
        os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    try:
        django.setup()
    except EmbeddedUnavailable as fact:
        raise Unavailable(str(fact)) from fact


def _is_in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _require_settings() -> None:
    """The check that stops servers and commands too (`config.checks`)."""
    problems = checks.run_checks(tags=["settings"])
    if problems:
        raise Unavailable("\n".join(problem.msg for problem in problems))


def _require_tables() -> None:
    try:
        executor = MigrationExecutor(connection)
        is_behind = bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    except OperationalError as fact:
        raise Unavailable(f"the database does not answer: {fact}") from fact
    if not is_behind:
        return
    if "DATABASE_URL" not in own_variables():
        raise Unavailable("the database lacks migrations; run bin/finflow migrate")
    call_command("migrate", verbosity=0, interactive=False)
