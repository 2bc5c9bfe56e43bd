"""Who else is told of every event on record: apps above audit say so in `apps.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Listener = Callable[[Any, Any], None]

_LISTENERS: list[Listener] = []


def on_event(listener: Listener) -> None:
    """Call this with each audit event and the row that was changed.

    It is called in the transaction of the change: what it writes stands or falls with it. What
    takes long it queues.
    """
    if listener not in _LISTENERS:
        _LISTENERS.append(listener)


def event_recorded(event: Any, subject: Any) -> None:
    """Tell everybody who wants to know."""
    for listener in _LISTENERS:
        listener(event, subject)
