"""The main menu: each app adds its entry in `apps.py`; people see what they may open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

from django.http import HttpRequest
from django.urls import reverse


@dataclass(frozen=True, order=True)
class MenuEntry:
    """One entry: where in the order, its words, the URL name, and the permission it needs.

    `count` says how many things wait there for the user; it may ask one cheap query a page.
    `beside` are URL names of pages that belong to the entry without lying below it.
    """

    position: int
    label: str
    url_name: str
    permission: str
    count: Callable[[Any], int] | None = field(default=None, compare=False)
    beside: tuple[str, ...] = ()

    def is_of(self, path: str) -> bool:
        """Whether the page at this path belongs to the entry."""
        return any(path.startswith(_path(name)) for name in (self.url_name, *self.beside))


@cache
def _path(url_name: str) -> str:
    """Asked for all entries on every page."""
    return reverse(url_name)


_ENTRIES: set[MenuEntry] = set()


def add_entry(
    position: int,
    label: str,
    url_name: str,
    permission: str,
    *,
    count: Callable[[Any], int] | None = None,
    beside: tuple[str, ...] = (),
) -> None:
    """Put a page into the main menu (called from `AppConfig.ready`)."""
    _ENTRIES.add(MenuEntry(position, label, url_name, permission, count, beside))


def note_count(request: HttpRequest, url_name: str, count: int) -> None:
    """Say what waits behind an entry, by a page that has counted it anyway."""
    _noted(request)[url_name] = count


def _noted(request: HttpRequest) -> dict[str, int]:
    noted: dict[str, int] = request.__dict__.setdefault("menu_counts", {})
    return noted


def _counter(entry: MenuEntry, request: HttpRequest) -> Callable[[], int] | None:
    """Asked by the template that shows it, once; a page without menu asks nothing."""
    if entry.count is None:
        return None
    noted = _noted(request).get(entry.url_name)
    return cache(partial(entry.count, request.user)) if noted is None else lambda: noted


def navigation(request: HttpRequest) -> dict[str, Any]:
    """Template context: `nav_items`, each with label, url, count of what waits, and whether it
    is the current page."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"nav_items": []}
    return {
        "nav_items": [
            {
                "label": entry.label,
                "url": _path(entry.url_name),
                "is_current": entry.is_of(request.path),
                "count": _counter(entry, request),
            }
            for entry in sorted(_ENTRIES)
            if user.may(entry.permission)
        ]
    }
