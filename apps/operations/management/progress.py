"""A line on the terminal that says what a command is at."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import connection
from rich.console import Console
from rich.status import Status

_LOOKS_EVERY_SECONDS = 0.25


@contextmanager
def shown_while(words: Callable[[], str], console: Console) -> Iterator[None]:
    """While the block runs, show what `words` answers, asked again and again from another thread.

    On a terminal only; elsewhere nothing is asked. `words` may read the database: it does so over
    a connection of its own, which is closed in the end.
    """
    if not console.is_terminal:
        yield
        return
    is_over = threading.Event()
    with Status("", console=console) as status:
        watcher = threading.Thread(target=_watch, args=(words, status, is_over))
        watcher.start()
        try:
            yield
        finally:
            is_over.set()
            watcher.join()


def _watch(words: Callable[[], str], status: Status, is_over: threading.Event) -> None:
    try:
        while not is_over.wait(_LOOKS_EVERY_SECONDS):
            status.update(words())
    finally:
        connection.close()
