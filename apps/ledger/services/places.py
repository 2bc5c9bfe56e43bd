"""Whether a period takes an entry: by its status, and by its reopening where it is reopened."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial

from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.common.access import authorize
from apps.identity.models import User
from apps.ledger.errors import OutsideReopening, PeriodClosed, ReopeningOver
from apps.ledger.models import JournalLine, Period
from apps.ledger.permissions import POST_LATE
from apps.ledger.selectors import open_reopening
from apps.ledger.states import EntryKind, PeriodStatus

_LATE = frozenset({PeriodStatus.SOFT_CLOSED, PeriodStatus.REOPENED})


def require_place(period: Period, kind: str, lines: Iterable[JournalLine], actor: User) -> None:
    """`require_taking`, and where the period is not simply open, that the actor may post late.

    Raises:
        NotPermitted: not this actor.
        PeriodClosed, ReopeningOver, OutsideReopening: see `require_taking`.
    """
    require_taking(period, kind, lines)
    if period.status in _LATE:
        authorize(actor, POST_LATE, entity_id=period.entity_id)


def require_taking(period: Period, kind: str, lines: Iterable[JournalLine]) -> None:
    """The period, held or shared, takes such an entry with these lines.

    Raises:
        PeriodClosed: it takes no such entry.
        ReopeningOver: it was reopened until an instant that has passed.
        OutsideReopening: it is reopened for other kinds of entries or other accounts.
    """
    if not period.takes(kind):
        raise PeriodClosed(
            f"Period {period.name} is {period.get_status_display().lower()} and takes no"
            f" {EntryKind(kind).label.lower()} entries.",
            field="posted_on",
            period=period.name,
        )
    if period.status == PeriodStatus.REOPENED:
        _require_scope(period, kind, {line.account.code for line in lines})


@contextmanager
def refused_in_words(check: Callable[[], None]) -> Iterator[None]:
    """Around a write that the database may refuse by its own clock, after it was checked by ours.

    Args:
        check: raises what people are told, once it holds by our clock too.
    """
    try:
        with transaction.atomic():
            yield
    except IntegrityError:
        check()
        raise


@contextmanager
def still_taking(period: Period, kind: str, lines: Iterable[JournalLine]) -> Iterator[None]:
    """Around the write into a period that takes it: a reopening may end in between.

    Raises:
        ReopeningOver: its time ended meanwhile.
    """
    if period.status != PeriodStatus.REOPENED:
        yield
        return
    with refused_in_words(partial(require_taking, period, kind, lines)):
        yield


def _require_scope(period: Period, kind: str, codes: set[str]) -> None:
    reopening = open_reopening(period)
    if reopening is None or reopening.expires_at <= timezone.now():
        raise ReopeningOver(f"The time in which {period.name} was reopened is over.")
    if kind not in reopening.kinds:
        taken = ", ".join(EntryKind(one).label.lower() for one in reopening.kinds)
        raise OutsideReopening(
            f"Period {period.name} is reopened for entries of these kinds: {taken}.",
            field="posted_on",
        )
    outside = sorted(codes - set(reopening.accounts)) if reopening.accounts else []
    if outside:
        raise OutsideReopening(
            f"Period {period.name} is reopened for accounts {', '.join(reopening.accounts)}, not"
            f" for {', '.join(outside)}.",
            field="lines",
        )
