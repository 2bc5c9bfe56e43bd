"""Who has to know when somebody's authority changes: apps above identity say so in `apps.py`."""

from __future__ import annotations

from collections.abc import Callable

Listener = Callable[[int], None]

_LISTENERS: list[Listener] = []


def on_authority_change(listener: Listener) -> None:
    """Call this with an entity's id whenever a role there is given or taken away.

    It is called in the transaction of the change: what takes long it queues.
    """
    if listener not in _LISTENERS:
        _LISTENERS.append(listener)


def authority_changed(entity_id: int) -> None:
    """Tell everybody who wants to know."""
    for listener in _LISTENERS:
        listener(entity_id)
