"""What other apps tell the ledger, in their `apps.py`, and what they are told of reopenings.

What can support an item of an account analysis, and what was made upon a closed period (a close,
its evidence), only the apps above know. Listeners are called in the transaction that opens a period
again or closes it again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apps.ledger.models import Period, PeriodReopening


@dataclass(frozen=True, slots=True)
class Support:
    """Something in here that shows what a balance consists of, as it stands now.

    Attributes:
        label: how people call it.
        url: the page that shows it.
        digest: SHA-256 of what it says; another one means that it says something else.
    """

    label: str
    url: str
    digest: str


Find = Callable[[int, Collection[str]], Mapping[str, Support]]
Offer = Callable[[int, date, date], Mapping[str, Support]]


@dataclass(frozen=True, slots=True)
class SupportKind:
    """One kind of support.

    Attributes:
        find: takes entity and ids, answers those that stand, by id.
        offer: takes entity, first and last day, answers those of these days that stand, by id.
    """

    find: Find
    offer: Offer


_KINDS: dict[str, SupportKind] = {}


def register_support(name: str, kind: SupportKind) -> None:
    """Let items rest on this kind of thing, under a name like "match_run"."""
    _KINDS[name] = kind


def supports_standing(
    entity_id: int, wanted: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], Support]:
    """Those of the wanted (name of the kind, id) that exist in the entity and stand now."""
    by_name: dict[str, set[str]] = {}
    for name, support_id in wanted:
        by_name.setdefault(name, set()).add(support_id)
    return {
        (name, support_id): support
        for name, ids in by_name.items()
        if name in _KINDS
        for support_id, support in _KINDS[name].find(entity_id, ids).items()
    }


def supports_offered(
    entity_id: int, starts_on: date, ends_on: date
) -> dict[tuple[str, str], Support]:
    """Everything of these days that an item can rest on."""
    return {
        (name, support_id): support
        for name, kind in _KINDS.items()
        for support_id, support in kind.offer(entity_id, starts_on, ends_on).items()
    }


@dataclass(frozen=True, slots=True)
class Upon:
    """Something that rests on what a closed period holds.

    Attributes:
        what: in words: "Evidence package, version 2".
        effect: what opening the period does to it: "is superseded".
        url: its page; empty where it has none.
    """

    what: str
    effect: str
    url: str = ""


Listener = Callable[["PeriodReopening"], None]
Finder = Callable[["Period"], Iterable[Upon]]

_OPENED: list[Listener] = []
_ENDED: list[Listener] = []
_FINDERS: list[Finder] = []


def on_reopened(listener: Listener) -> None:
    """Call this whenever a closed period takes postings again."""
    if listener not in _OPENED:
        _OPENED.append(listener)


def on_closed_again(listener: Listener) -> None:
    """Call this whenever a reopened period is closed again, by somebody or by its end."""
    if listener not in _ENDED:
        _ENDED.append(listener)


def reopened(reopening: PeriodReopening) -> None:
    """Tell everybody who wants to know."""
    for listener in _OPENED:
        listener(reopening)


def closed_again(reopening: PeriodReopening) -> None:
    """Tell everybody who wants to know."""
    for listener in _ENDED:
        listener(reopening)


def register_upon(find: Finder) -> None:
    """Ask this function what rests on a period, before it is reopened."""
    if find not in _FINDERS:
        _FINDERS.append(find)


def resting_on(period: Period) -> list[Upon]:
    """Everything that rests on the period, as the apps above tell it."""
    return [one for find in _FINDERS for one in find(period)]
