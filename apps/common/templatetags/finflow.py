"""How figures, dates and states are written on pages: exact, unambiguous, never rounded in silence.

A filter that is handed something else than what it is for (a float as money, a moment as a day, a
misspelt variable) raises TypeError: a page that cannot be right must not be shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from functools import lru_cache
from typing import Final

from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.dates import MONTHS, MONTHS_3, WEEKDAYS
from django.utils.formats import date_format, number_format
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from apps.common.money import exponent
from apps.common.texts import differing

register = template.Library()
register.simple_tag(differing)

MINUS: Final = "\N{MINUS SIGN}"


# --- Figures --------------------------------------------------------------------------------


@register.filter
def amount(value: Decimal | int | None, currency: str) -> str:
    """Money for people: "1,204.50", "−17.00", "0.00"; empty for None (no amount on this side).

    Has the currency's own decimals, and more of them where the value has more: nothing is rounded.
    Separators follow the active locale.

    Raises:
        TypeError: a float or any other type than Decimal, int and None.
        ValueError: NaN or infinity.
        Invalid: `currency` is not an ISO 4217 code.
    """
    if value is None:
        return ""
    number = _exact(value)
    places = max(exponent(currency), _decimals(number))
    return _signed(number, number_format(number.copy_abs(), places, force_grouping=True))


@register.filter
def signed_class(value: Decimal | int | None) -> str:
    """CSS class of an amount: "negative", "zero" or nothing; colour never stands alone."""
    if value is None:
        return ""
    number = _exact(value)
    if number == 0:
        return "zero"
    return "negative" if number < 0 else ""


@register.filter
def count(value: int) -> str:
    """A number of things: "1,204"."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"a count is an int, not {type(value).__name__}")
    return _signed(Decimal(value), number_format(abs(value), 0, force_grouping=True))


@register.filter
def things(value: int, noun: str) -> str:
    """A number and what it counts, from the plural: "1,204 entries", "1 entry", "1 match"."""
    if value != 1:
        return f"{count(value)} {noun}"
    if noun.endswith("ies"):
        return f"1 {noun.removesuffix('ies')}y"
    return f"1 {noun.removesuffix('es' if noun.endswith('ches') else 's')}"


@register.filter
def percent(ratio: Decimal | int, places: int = 2) -> str:
    """A ratio (1 = all) in per cent, cut and not rounded, so that 0% and 100% are always exact.

    0.99999 is "99.99%", 0.00001 is "<0.01%".
    """
    number = _exact(ratio)
    step = Decimal(1).scaleb(-places)
    shown = (number.copy_abs() * 100).quantize(step, ROUND_DOWN)
    if shown == 0 and number != 0:
        return f"<{_signed(number, number_format(step, places))}%"
    return _signed(number, number_format(shown, places, force_grouping=True)) + "%"


def _exact(value: Decimal | int) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, Decimal | int):
        raise TypeError(f"an amount is a Decimal, not {type(value).__name__}")
    number = Decimal(value)
    if not number.is_finite():
        raise ValueError("an amount is a finite number")
    return number


def _decimals(number: Decimal) -> int:
    """How many decimals are needed to write the number exactly (12.5000 needs one)."""
    return len(f"{number:f}".partition(".")[2].rstrip("0"))


def _signed(number: Decimal, magnitude: str) -> str:
    return MINUS + magnitude if number < 0 else magnitude


# --- Time -----------------------------------------------------------------------------------


@register.filter
def day(value: date | None) -> str:
    """A calendar day: "2 May 2023"; empty for None.

    Raises:
        TypeError: a moment (which day it falls on depends on the zone; use `instant`).
    """
    if value is None:
        return ""
    if isinstance(value, datetime) or not isinstance(value, date):
        raise TypeError(f"a day is a date, not {type(value).__name__}")
    return date_format(value, "j M Y")


@register.filter
def instant(value: datetime | None) -> str | SafeString:
    """A moment in the active zone, which is named on hover; empty for None.

    Raises:
        TypeError: not a datetime.
        ValueError: a datetime without a zone.
    """
    if value is None:
        return ""
    if not isinstance(value, datetime):
        raise TypeError(f"an instant is a datetime, not {type(value).__name__}")
    if timezone.is_naive(value):
        raise ValueError("an instant has a zone")
    # Lists of many moments spend their time here: Django's own formatting takes five times as long,
    # and escaping what has no mark to escape takes as long again.
    local = timezone.localtime(value)
    in_full, in_short = _day_names(local.date(), get_language())
    in_full, shown = f"{in_full} {local:%H:%M:%S}", f"{in_short} {local:%H:%M}"
    zone = f"{escape(timezone.get_current_timezone_name())} (UTC{local:%z})"
    at = value.isoformat(timespec="seconds")
    return SafeString(f'<time datetime="{at}" title="{in_full} {zone}">{shown}</time>')


@lru_cache(maxsize=1_000)
def _day_names(day: date, _language: str | None) -> tuple[str, str]:
    """A day in full and in short, in the language that is active: "Friday 3 April 2026"."""
    in_full = f"{WEEKDAYS[day.weekday()]} {day.day} {MONTHS[day.month]} {day.year}"
    return in_full, f"{day.day} {MONTHS_3[day.month].title()} {day.year}"


@register.filter
def minutes(value: int | None) -> str:
    """A length of time given in whole minutes: "45 min", "2 h 05 min"; empty for None."""
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"minutes are an int, not {type(value).__name__}")
    hours, rest = divmod(abs(value), 60)
    magnitude = f"{hours} h {rest:02} min" if hours else f"{rest} min"
    return _signed(Decimal(value), magnitude)


@register.filter
def duration(value: timedelta | None) -> str:
    """A measured length of time: "340 ms", "3.4 s", "2 min 05 s", "2 h 05 min"; empty for None."""
    if value is None:
        return ""
    if not isinstance(value, timedelta):
        raise TypeError(f"a duration is a timedelta, not {type(value).__name__}")
    if value < timedelta(0):
        raise ValueError("a measured duration is never negative")
    milliseconds = value // timedelta(milliseconds=1)
    if milliseconds < 1_000:
        return f"{milliseconds} ms"
    if milliseconds < 60_000:
        return f"{number_format(Decimal(milliseconds // 100) / 10, 1)} s"
    whole_minutes, seconds = divmod(milliseconds // 1_000, 60)
    return minutes(whole_minutes) if whole_minutes >= 60 else f"{whole_minutes} min {seconds:02} s"


# --- States ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Status:
    """How a state is shown: its word, its tone (ok, warn, bad, info, idle) and its icon."""

    word: str
    tone: str
    icon: str


# States that mean the same wherever they occur.
_STATUSES: Final[dict[str, Status]] = {
    "accepted": Status("Accepted", "ok", "check-circle"),
    "approved": Status("Approved", "ok", "check-circle"),
    "archived": Status("Archived", "idle", "lock"),
    "at_risk": Status("At risk", "warn", "alert"),
    "awaited": Status("Awaited", "idle", "clock"),
    "blocked": Status("Blocked", "bad", "ban"),
    "blocked_no_approver": Status("Nobody can approve", "bad", "ban"),
    "cancelled": Status("Cancelled", "idle", "minus-circle"),
    "completed": Status("Completed", "ok", "check-circle"),
    "completed_with_warning": Status("Completed with a warning", "warn", "check-alert"),
    "draft": Status("Draft", "idle", "pencil"),
    "escalated": Status("Escalated", "warn", "arrow-up"),
    "expired": Status("Expired", "idle", "clock"),
    "explained": Status("Explained", "ok", "check-circle"),
    "failed": Status("Failed", "bad", "x-circle"),
    "hard_closed": Status("Closed", "ok", "lock"),
    "in_progress": Status("In progress", "info", "half-circle"),
    "in_review": Status("In review", "info", "eye"),
    "interrupted": Status("Interrupted", "warn", "alert"),
    "late": Status("Late", "bad", "clock"),
    "mismatched": Status("Mismatched", "bad", "not-equal"),
    "missing": Status("Missing", "bad", "x-circle"),
    "nothing_there": Status("Nothing there", "idle", "circle"),
    "open": Status("Open", "info", "dot-circle"),
    "outdated": Status("Outdated", "warn", "refresh"),
    "pending": Status("Waiting", "idle", "circle"),
    "planned": Status("Planned", "idle", "circle"),
    "posted": Status("Posted", "ok", "check-circle"),
    "published": Status("Published", "ok", "check-circle"),
    "queued": Status("Queued", "idle", "circle"),
    "ready": Status("Ready", "info", "dot-circle"),
    "rejected": Status("Rejected", "bad", "x-circle"),
    "reopened": Status("Reopened", "warn", "refresh"),
    "resolved": Status("Resolved", "ok", "check-circle"),
    "returned": Status("Returned", "warn", "undo"),
    "reversed": Status("Reversed", "idle", "undo"),
    "reviewed": Status("Reviewed", "ok", "eye"),
    "revoked": Status("Revoked", "idle", "undo"),
    "running": Status("Running", "info", "half-circle"),
    "signed": Status("Signed", "ok", "shield"),
    "skipped": Status("Skipped", "idle", "skip"),
    "soft_closed": Status("Soft-closed", "warn", "lock"),
    "stale": Status("Stale", "warn", "refresh"),
    "submitted": Status("Submitted", "info", "send"),
    "succeeded": Status("Succeeded", "ok", "check-circle"),
    "suggested": Status("Suggested", "info", "question"),
    "superseded": Status("Superseded", "idle", "skip"),
    "unreviewed": Status("To review", "warn", "eye"),
    "waiting": Status("Waiting", "idle", "clock"),
    "withdrawn": Status("Withdrawn", "idle", "undo"),
    "written_off": Status("Written off", "warn", "check-circle"),
}
# States whose word says something else for one kind of thing.
_STATUSES_OF_A_KIND: Final[dict[tuple[str, str], Status]] = {
    ("analysis", "signed"): Status("Signed, no approval asked", "ok", "shield"),
    ("analysis", "submitted"): Status("Waiting for approval", "info", "send"),
    ("anomaly", "corrected"): Status("An error, corrected", "ok", "check-circle"),
    ("anomaly", "legitimate"): Status("Legitimate", "ok", "check-circle"),
    ("anomaly", "open"): Status("To review", "warn", "eye"),
    ("break", "explained"): Status("Explained", "info", "eye"),
    ("break", "open"): Status("Open", "warn", "not-equal"),
    ("delivery", "delivered"): Status("Delivered", "ok", "check-circle"),
    ("delivery", "dropped"): Status("Not sent", "idle", "ban"),
    ("delivery", "given_up"): Status("Given up", "bad", "x-circle"),
    ("endpoint", "active"): Status("Active", "ok", "check-circle"),
    ("endpoint", "off"): Status("Switched off", "warn", "ban"),
    ("endpoint", "retired"): Status("Retired", "idle", "lock"),
    ("feed", "archived"): Status("Retired", "idle", "lock"),
    ("feed", "blocked"): Status("Not whole", "bad", "not-equal"),
    ("feed", "completed"): Status("In order", "ok", "check-circle"),
    ("feed", "completed_with_warning"): Status("Worth a look", "warn", "check-alert"),
    ("feed", "failed"): Status("File refused", "bad", "x-circle"),
    ("feed", "unreachable"): Status("Pull failed", "bad", "x-circle"),
    ("feed", "pending"): Status("No file yet", "idle", "circle"),
    ("message", "dropped"): Status("Not sent", "idle", "ban"),
    ("message", "given_up"): Status("Given up", "bad", "x-circle"),
    ("message", "sent"): Status("Sent", "ok", "check-circle"),
    ("package", "changed"): Status("Changed", "bad", "not-equal"),
    ("package", "unchecked"): Status("Not checked", "warn", "question"),
    ("package", "untrusted"): Status("Not trusted", "bad", "ban"),
    ("package", "valid"): Status("Valid", "ok", "shield"),
    ("reopening", "asked"): Status("Waits for approval", "info", "clock"),
    ("reopening", "dropped"): Status("Dropped", "idle", "ban"),
    ("reopening", "ended"): Status("Closed again", "ok", "lock"),
    ("reopening", "open"): Status("Open", "warn", "dot-circle"),
    ("request", "pending"): Status("Waiting", "info", "clock"),
    ("task", "submitted"): Status("Waiting for approval", "info", "send"),
}


@register.filter
def status(state: str, kind: str = "") -> Status:
    """How to show a state; `kind` ("break", "request") where the word alone is not enough.

    A state that is not in the table is shown by its own name, neutrally.
    """
    if not isinstance(state, str) or not state:
        raise TypeError("a state is a word")
    known = _STATUSES_OF_A_KIND.get((kind, state)) or _STATUSES.get(state)
    return known or Status(state.replace("_", " ").capitalize(), "idle", "circle")


@register.simple_tag
@lru_cache(maxsize=1_000)
def chip(state: str, kind: str = "", detail: str = "") -> SafeString:
    """A state as icon and word, see `status`.

    Args:
        detail: added after the word.
    """
    shown = status(state, kind)
    return format_html(
        '<span class="chip chip--{}">{}{}{}</span>',
        shown.tone,
        icon(shown.icon),
        shown.word,
        f" {detail}" if detail else "",
    )


@register.filter
def verdict_given(verdict: str) -> str:
    """What an approver did, for a sentence about it: "approved", "rejected", "returned".

    Raises:
        KeyError: no verdict.
    """
    return {"approve": "approved", "reject": "rejected", "return": "returned for changes"}[verdict]


@register.simple_tag
@lru_cache(maxsize=500)  # the same few, many times on a page
def icon(name: str, label: str = "") -> SafeString:
    """An icon of `static/finflow/icons.svg`; silent for screen readers unless it has a label."""
    voice = (
        format_html('role="img" aria-label="{}"', label)
        if label
        else SafeString('aria-hidden="true"')
    )
    return format_html(
        '<svg class="icon" width="16" height="16" {}><use href="{}#{}"/></svg>',
        voice,
        static("finflow/icons.svg"),
        name,
    )
