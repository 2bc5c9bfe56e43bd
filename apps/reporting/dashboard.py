"""The first page of the admin, for controllers: every figure links to what is behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from apps.analytics.permissions import VIEW_ANOMALIES
from apps.analytics.states import Disposition
from apps.approvals.forms.listing import STILL_OPEN
from apps.approvals.models import Request
from apps.approvals.permissions import VIEW_REQUESTS
from apps.approvals.states import RequestStatus
from apps.close.permissions import VIEW_CLOSE
from apps.close.states import RunStatus
from apps.common.templatetags.finflow import amount, count, day, instant, percent
from apps.identity.context import actor_of, entity_in_view
from apps.ingestion.permissions import VIEW_SOURCES
from apps.reconciliation.permissions import VIEW_RUNS
from apps.reconciliation.states import BreakState, Cause, ReviewStatus
from apps.reporting import selectors

OK, WARN, BAD = "success", "warning", "danger"


@dataclass(frozen=True)
class Cell:
    """A figure or some words, and where they lead; a zero is told quietly."""

    text: str
    url: str = ""
    is_number: bool = False
    is_zero: bool = False
    tone: str = ""


@dataclass(frozen=True)
class Panel:
    """One question of the dashboard: its figure, and the table that it sums up.

    Attributes:
        label, figure, note, url, tone: of the card on top.
        empty: said in place of a table without rows.
    """

    label: str
    figure: str
    note: str
    url: str
    tone: str
    title: str
    headers: Sequence[Cell]
    rows: Sequence[Sequence[Cell]]
    empty: str = field(default="Nothing to show.")


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add the panels that the person may see (unfold's `DASHBOARD_CALLBACK`)."""
    actor = actor_of(request)
    entity = entity_in_view(request)
    panels = [
        make(actor.entity_ids(permission) if entity is None else [entity.pk])
        for permission, make in _PANELS
        if actor.may(permission, None if entity is None else entity.pk)
    ]
    return {**context, "title": "Where everything stands", "panels": panels}


# --- The close ------------------------------------------------------------------------------


def _close(ids: selectors.EntityIds) -> Panel:
    standings = selectors.closes(ids, timezone.now())
    done, total = (sum(getattr(each, name) for each in standings) for name in ("done", "total"))
    failed, late = (sum(getattr(each, name) for each in standings) for name in ("failed", "late"))
    troubles = [f"{count(failed)} failed" if failed else "", f"{count(late)} late" if late else ""]
    return Panel(
        label="Tasks of the close done",
        figure=f"{count(done)} of {count(total)}" if standings else "none",
        note=", ".join(told for told in troubles if told) or "nothing failed, nothing late",
        url=reverse("close:board"),
        tone=BAD if failed else WARN if late else OK,
        title="Closes",
        headers=_heads("Close", "Status", ("Done", "Waiting for approval", "Failed", "Late")),
        rows=[_close_row(each) for each in standings],
        empty="No period is being closed, and none was.",
    )


def _close_row(standing: selectors.CloseStanding) -> list[Cell]:
    run = standing.run
    url = reverse("close:run", args=[run.pk])
    return [
        Cell(f"{run.entity.code} {run.period.name}", url),
        Cell(run.get_status_display(), tone=OK if run.status == RunStatus.COMPLETED else ""),
        Cell(f"{count(standing.done)} of {count(standing.total)}", url, is_number=True),
        _number(standing.waiting, url),
        _number(standing.failed, url, BAD),
        _number(standing.late, url, WARN),
    ]


# --- Reconciliations ------------------------------------------------------------------------


def _reconciliations(ids: selectors.EntityIds) -> Panel:
    found = selectors.reconciled(ids)
    lowest = min(found, key=lambda each: each.match_rate, default=None)
    limited = [each for each in found if each.limit_percent is not None]
    over = sum(each.is_over for each in limited)
    where = "" if lowest is None else f"{lowest.run.match_type.name}; "
    return Panel(
        label="Lowest match rate",
        figure="none" if lowest is None else percent(lowest.match_rate / 100),
        note=f"{where}{count(over)} of {count(len(limited))} variances above the limit",
        url=reverse("reconciliation:runs"),
        tone=BAD if over else OK,
        title="Reconciliations, the newest of each",
        headers=_heads(
            "Reconciliation",
            "Until",
            ("Matched", "Breaks", "Difference", "Variance", "Limit"),
            "Within the limit",
        ),
        rows=[_reconciliation_row(each) for each in found],
        empty="Nothing has been reconciled yet.",
    )


def _reconciliation_row(found: selectors.Reconciled) -> list[Cell]:
    run, apart, limit = found.run, found.difference, found.limit_percent
    url = reverse("reconciliation:run", args=[run.pk])
    days = f"{run.starts_on}_{run.ends_on}"
    breaks = _link("reconciliation:breaks", days=days, match_type=run.match_type_id)
    return [
        Cell(f"{run.entity.code}: {run.match_type.name}", url),
        Cell(day(run.ends_on).replace(" ", "\N{NO-BREAK SPACE}")),
        Cell(percent(found.match_rate / 100), url, is_number=True),
        _number(run.break_count, breaks),
        Cell(
            f"{amount(apart.amount, apart.currency)} {apart.currency}" if apart else "—",
            url if apart else "",
            is_number=True,
        ),
        Cell(percent(apart.percent / 100, 4) if apart else "—", url, is_number=True),
        Cell("—" if limit is None else percent(limit / 100), is_number=True),
        _verdict(found),
    ]


def _verdict(found: selectors.Reconciled) -> Cell:
    if found.difference is None or found.limit_percent is None:
        return Cell("not checked by the close")
    return Cell("no", tone=BAD) if found.is_over else Cell("yes", tone=OK)


# --- Breaks ---------------------------------------------------------------------------------


def _breaks(ids: selectors.EntityIds) -> Panel:
    ages = selectors.open_breaks(ids, timezone.localdate())
    open_ones = sum(sum(each.counts) for each in ages)
    oldest = sum(each.counts[-1] for each in ages)
    awaited = sum(each.apart for each in ages)
    return Panel(
        label="Open breaks",
        figure=count(open_ones),
        note=f"{count(oldest)} over {selectors.BREAK_AGES_DAYS[-1]} days old;"
        f" {count(awaited)} more awaited",
        url=_open_breaks(),
        tone=WARN if open_ones else OK,
        title="Open breaks by cause and age in days",
        headers=_heads("Cause", (*_age_heads(selectors.BREAK_AGES_DAYS), "Awaited", "All")),
        rows=[_break_row(each) for each in ages],
        empty="Every break is explained.",
    )


def _break_row(ages: selectors.Ages) -> list[Cell]:
    every = _open_breaks(cause=ages.kind)
    words = dict(Cause.choices).get(ages.kind, ages.kind.replace("_", " ").capitalize())
    *counts, _, total = _ages(ages, every)
    awaited = _open_breaks(cause=ages.kind, state=BreakState.AWAITED)
    return [Cell(str(words), every), *counts, _number(ages.apart, awaited), total]


def _open_breaks(**narrowed: str) -> str:
    return _link("reconciliation:breaks", days="all", status=ReviewStatus.OPEN, **narrowed)


# --- Approvals ------------------------------------------------------------------------------


def _approvals(ids: selectors.EntityIds) -> Panel:
    waiting = selectors.waiting_requests(ids, timezone.now())
    total = sum(each.total for each in waiting.ages)
    blocked = sum(each.apart for each in waiting.ages)
    troubles = [
        f"{count(waiting.overdue)} overdue" if waiting.overdue else "",
        f"{count(blocked)} that nobody can decide" if blocked else "",
    ]
    return Panel(
        label="Approvals waiting",
        figure=count(total),
        note=", ".join(told for told in troubles if told) or "none is overdue",
        url=_link("approvals:everything", status=STILL_OPEN),
        tone=BAD if blocked else WARN if waiting.overdue else OK,
        title="Approvals waiting by kind and age in days",
        headers=_heads(
            "Kind", (*_age_heads(selectors.REQUEST_AGES_DAYS), "Nobody can decide", "All")
        ),
        rows=[_approval_row(each) for each in waiting.ages],
        empty="No request waits for a decision.",
    )


def _approval_row(ages: selectors.Ages) -> list[Cell]:
    every, pending, blocked = (
        _link("approvals:everything", status=status, item_type=ages.kind)
        for status in (STILL_OPEN, RequestStatus.PENDING, RequestStatus.BLOCKED)
    )
    *counts, _, _ = _ages(ages, pending)
    return [
        Cell(Request(item_type=ages.kind).kind.capitalize(), every),
        *counts,
        _number(ages.apart, blocked, BAD),
        _number(ages.total, every),
    ]


# --- Anomalies ------------------------------------------------------------------------------


def _anomalies(ids: selectors.EntityIds) -> Panel:
    found = selectors.unusual(ids)
    undecided = sum(each.undecided for each in found)
    flagged = sum(each.scoring.flagged_count for each in found)
    return Panel(
        label="Anomalies to review",
        figure=count(undecided),
        note=f"of {count(flagged)} that stand out",
        url=reverse("analytics:anomalies"),
        tone=WARN if undecided else OK,
        title="Unusual entries by period",
        headers=_heads("Period", ("Entries", "Stand out", "To review")),
        rows=[_anomaly_row(each) for each in found],
        empty="No period has been scored yet.",
    )


def _anomaly_row(found: selectors.Unusual) -> list[Cell]:
    scoring = found.scoring
    where = {"entity": scoring.entity.code, "period": scoring.period.name}
    entries = _link("ledger:entries", **where, status="posted")
    every = _link("analytics:anomalies", **where, disposition="all")
    undecided = _link("analytics:anomalies", **where, disposition=Disposition.OPEN)
    return [
        Cell(f"{scoring.entity.code} {scoring.period.name}", every),
        _number(scoring.entry_count, entries),
        _number(scoring.flagged_count, every),
        _number(found.undecided, undecided, WARN),
    ]


# --- Feeds ----------------------------------------------------------------------------------


def _feeds(ids: selectors.EntityIds) -> Panel:
    found = selectors.feed_standings(ids)
    refused = sum(each.failure is not None for each in found)
    silent = sum(each.batch is None and each.failure is None for each in found)
    return Panel(
        label="Feeds with a refused file",
        figure=count(refused),
        note=f"of {count(len(found))} sources"
        + (f"; {count(silent)} never brought one" if silent else ""),
        url=reverse("ingestion:sources"),
        tone=BAD if refused else WARN if silent else OK,
        title="Feeds and their last success",
        headers=_heads("Source", "Last success", "File", ("Lines",), "State"),
        rows=[_feed_row(each) for each in found],
        empty="No source has been set up yet.",
    )


def _feed_row(feed: selectors.FeedStanding) -> list[Cell]:
    source = Cell(
        f"{feed.source.entity.code}: {feed.source.name}",
        reverse("ingestion:source", args=[feed.source.pk]),
    )
    batch = feed.batch
    if batch is None:
        return [source, Cell("never"), Cell("—"), Cell("—", is_number=True), _feed_state(feed)]
    url = reverse("ingestion:batch", args=[batch.pk])
    return [
        source,
        Cell(instant(batch.imported_at), url),
        Cell(batch.filename, url),
        _number(batch.line_count, url),
        _feed_state(feed),
    ]


def _feed_state(feed: selectors.FeedStanding) -> Cell:
    if feed.failure is not None:
        url = reverse("ingestion:failure", args=[feed.failure.pk])
        return Cell("refused since", url, tone=BAD)
    return Cell("in order", tone=OK) if feed.batch else Cell("nothing came", tone=WARN)


_PANELS: tuple[tuple[str, Callable[[selectors.EntityIds], Panel]], ...] = (
    (VIEW_CLOSE, _close),
    (VIEW_RUNS, _reconciliations),
    (VIEW_RUNS, _breaks),
    (VIEW_REQUESTS, _approvals),
    (VIEW_ANOMALIES, _anomalies),
    (VIEW_SOURCES, _feeds),
)


# --- Words and cells ------------------------------------------------------------------------


def _heads(*titles: str | tuple[str, ...]) -> list[Cell]:
    """Headings; those of figures are given together as a tuple."""
    heads = []
    for title in titles:
        if isinstance(title, str):
            heads.append(Cell(title))
        else:
            heads += [Cell(each, is_number=True) for each in title]
    return heads


def _age_heads(limits: Sequence[int]) -> tuple[str, ...]:
    """ "up to 7", "8 to 30", "over 30"."""
    starts = (0, *(limit + 1 for limit in limits))
    middle = [f"{start} to {limit}" for start, limit in zip(starts[1:], limits[1:], strict=False)]
    return (f"up to {limits[0]}", *middle, f"over {limits[-1]}")


def _ages(ages: selectors.Ages, url: str) -> list[Cell]:
    return [_number(each, url) for each in (*ages.counts, ages.apart, ages.total)]


def _number(number: int, url: str, tone: str = "") -> Cell:
    """A count that opens its list; the tone is for counts that should be zero."""
    return Cell(count(number), url, is_number=True, is_zero=not number, tone=tone if number else "")


def _link(name: str, **query: Any) -> str:
    return f"{reverse(name)}?{urlencode(query)}"
