"""Pages of lists that people look at: rows in the list's order, and the links back and on.

A page is found by the row it follows or precedes, not by a number: nothing moves under somebody
who leafs through a list while others add to it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db.models import QuerySet
from django.http import QueryDict

Row = TypeVar("Row")
Cursor = TypeVar("Cursor")


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Some rows of a list; the links are None where nothing lies beyond."""

    rows: list[Row]
    previous_url: str | None = None
    next_url: str | None = None


@dataclass(frozen=True)
class Leafing(Generic[Cursor]):
    """How a list is leafed through.

    Args:
        size: the most rows on a page.
        read: the cursor that a text of the address stands for, or None.
        write: the cursor of a row, as a text.
        beyond: what follows the cursor, in the list's order.
        ahead: what precedes it, the nearest first.
        on, back: names in the address of the cursors that lead on and back.
    """

    size: int
    read: Callable[[str], Cursor | None]
    write: Callable[[Any], str]
    beyond: Callable[[Any, Cursor], QuerySet[Any]]
    ahead: Callable[[Any, Cursor], QuerySet[Any]]
    on: str = "after"
    back: str = "before"

    def page(self, rows: Any, query: QueryDict) -> Page[Any]:
        """The page of these ordered rows that the address asks for, or else the first."""
        back_from, on_from = self.read(query.get(self.back, "")), self.read(query.get(self.on, ""))
        if back_from is not None:
            found = list(self.ahead(rows, back_from)[: self.size + 1])
            has_previous, has_next = len(found) > self.size, True
            found = found[: self.size][::-1]
        else:
            wanted = rows if on_from is None else self.beyond(rows, on_from)
            found = list(wanted[: self.size + 1])
            has_previous, has_next = on_from is not None, len(found) > self.size
            found = found[: self.size]
        if not found:
            return Page([])
        return Page(
            found,
            self._link(query, self.back, found[0]) if has_previous else None,
            self._link(query, self.on, found[-1]) if has_next else None,
        )

    def _link(self, query: QueryDict, name: str, row: Any) -> str:
        link = query.copy()
        link.pop(self.back, None)
        link.pop(self.on, None)
        link[name] = self.write(row)
        return f"?{link.urlencode()}"


def newest_first(size: int) -> Leafing[int]:
    """Leafing through rows by falling id: "before" leads on to older ones, "after" back."""
    return Leafing(
        size=size,
        read=row_id,
        write=lambda row: str(row.pk),
        beyond=lambda rows, pk: rows.filter(pk__lt=pk),
        ahead=lambda rows, pk: rows.filter(pk__gt=pk).order_by("pk"),
        on="before",
        back="after",
    )


def row_id(text: str) -> int | None:
    """The id that a text from outside names; None if it cannot be one."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
