"""Evidence section on what did not agree: breaks and anomalies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from apps.analytics.measures import Parameters
from apps.analytics.models import AnomalyReview, AnomalyScore, ScoringRun
from apps.analytics.selectors import Grounds, Reason, anomalies_of, grounds_of, reasons_of
from apps.analytics.states import Disposition
from apps.ledger.models import JournalEntry, JournalLine, Period
from apps.ledger.states import EntryStatus
from apps.reconciliation.models import Break, BreakItem, BreakReview, Run
from apps.reconciliation.selectors import reason_shown
from apps.reconciliation.states import BreakState, ReviewStatus
from apps.reporting.documents import Anomaly, ExceptionLine, Exceptions, Money, Omission
from apps.reporting.services.readers import AN_AUDITOR

MOST_REASONS: Final = 2  # in the document; all of them are in the attachment


@dataclass(frozen=True)
class BreakFacts:
    """A break as the document lists it, and what only the attachment tells.

    Attributes:
        is_awaited: nobody has to explain it yet, its counterpart may still come.
    """

    line: ExceptionLine
    is_awaited: bool
    run_id: int
    number: int
    explained_by: str
    accepted_by: str
    comment: str


@dataclass(frozen=True)
class AnomalyFacts:
    """An anomaly as the document lists it, and what only the attachment tells."""

    line: Anomaly
    score: Decimal
    reasons: tuple[str, ...]
    reviewed_by: str
    comment: str


def exceptions(
    period: Period,
    scoring: ScoringRun | None,
    runs: Sequence[Run],
    breaks: Sequence[BreakFacts],
    anomalies: Sequence[AnomalyFacts],
) -> Exceptions | Omission:
    """Section 7: breaks with what people said of them, and entries that stood out."""
    if not runs and scoring is None:
        return Omission("Nothing was reconciled and nothing was scored in the period.")
    return Exceptions(
        lines=tuple(found.line for found in breaks),
        deficiencies=(),
        anomalies=tuple(found.line for found in anomalies),
        anomaly_method=_method(period, scoring),
    )


# --- Breaks ---------------------------------------------------------------------------------


def breaks_of(runs: Iterable[Run]) -> list[BreakFacts]:
    """The breaks of the runs in their order (two queries a run)."""
    return [found for run in runs for found in _breaks_of(run)]


def _breaks_of(run: Run) -> list[BreakFacts]:
    heads = _first_items(run)
    breaks = run.breaks.select_related("review__explained_by", "review__accepted_by")
    return [_break(run, broken, heads[broken.pk]) for broken in breaks.order_by("number")]


def _first_items(run: Run) -> dict[int, tuple[str, date]]:
    """Break to the reference and day of its first item, left before right."""
    items = BreakItem.objects.filter(broken__run=run).order_by("broken_id", "side", "record_id")
    heads: dict[int, tuple[str, date]] = {}
    for broken, record, reference, external_id, booked_on in items.values_list(
        "broken_id",
        "record_id",
        "record__reference",
        "record__external_id",
        "record__booked_on",
    ):
        heads.setdefault(broken, (reference or external_id or f"record {record}", booked_on))
    return heads


def _break(run: Run, broken: Break, head: tuple[str, date]) -> BreakFacts:
    review: BreakReview | None = getattr(broken, "review", None)
    status = ReviewStatus(review.status) if review else ReviewStatus.OPEN
    is_unreviewed = status == ReviewStatus.OPEN
    is_awaited = is_unreviewed and broken.state == BreakState.AWAITED
    reference, booked_on = head
    line = ExceptionLine(
        reference=reference,
        booked_on=booked_on,
        account=run.match_type.name,
        description=reason_shown(broken, actor=AN_AUDITOR),
        cause=broken.cause.replace("_", " "),
        amount=Money(broken.amount, broken.currency),
        status=str(BreakState.AWAITED.label if is_awaited else status.label),
        is_open=is_unreviewed and not is_awaited,
    )
    return BreakFacts(
        line=line,
        is_awaited=is_awaited,
        run_id=run.pk,
        number=broken.number,
        explained_by=_name(review.explained_by if review else None),
        accepted_by=_name(review.accepted_by if review else None),
        comment=review.comment if review else "",
    )


# --- Anomalies ------------------------------------------------------------------------------


def anomalies_in(scoring: ScoringRun | None) -> list[AnomalyFacts]:
    """The entries that stood out, highest score first (two queries)."""
    if scoring is None:
        return []
    scores = list(anomalies_of(scoring))
    lines: dict[int, list[JournalLine]] = {}
    for line in (
        JournalLine.objects.filter(entry_id__in=[score.entry_id for score in scores])
        .select_related("account")
        .order_by("entry_id", "line_number")
    ):
        lines.setdefault(line.entry_id, []).append(line)
    return [_anomaly(score, lines[score.entry_id]) for score in scores]


def _anomaly(score: AnomalyScore, lines: Sequence[JournalLine]) -> AnomalyFacts:
    review: AnomalyReview | None = getattr(score, "review", None)
    reasons = reasons_of(score)
    line = _line_meant(reasons, lines)
    words = tuple(str(reason["reason"]) for reason in reasons)
    return AnomalyFacts(
        line=Anomaly(
            reference=score.entry.external_id or score.entry.label,
            booked_on=score.entry.posted_on,
            account=str(line.account),
            amount=Money(line.debit - line.credit, line.currency),
            score=f"{score.score:.2f}",
            reasons=_shortened(grounds_of(score, most=MOST_REASONS)),
            disposition=str(Disposition(review.disposition if review else "open").label),
        ),
        score=score.score,
        reasons=words,
        reviewed_by=_name(review.reviewed_by if review else None),
        comment=review.comment if review else "",
    )


def _line_meant(reasons: Sequence[Reason], lines: Sequence[JournalLine]) -> JournalLine:
    """The line that the first reason is about; the largest if no reason names one."""
    by_id = {line.pk: line for line in lines}
    named = (by_id.get(reason.get("line_id", 0)) for reason in reasons)
    return next(
        (line for line in named if line is not None),
        max(lines, key=lambda line: max(line.debit, line.credit)),
    )


def _shortened(grounds: Grounds) -> tuple[str, ...]:
    further = len(grounds.further)
    return (*grounds.first, f"{further} more in the attachment") if further else grounds.first


def _method(period: Period, scoring: ScoringRun | None) -> str:
    if scoring is None:
        return "The entries of the period were not scored."
    versions = ", ".join(
        f"{name.replace('_', ' ')} {version}" for name, version in sorted(scoring.versions.items())
    )
    usual = Parameters().as_json()
    changed = "; ".join(
        f"{name.replace('_', ' ')}: {_written(value)}"
        for name, value in sorted(scoring.parameters.items())
        if name != "currency_exponents" and value != usual.get(name)
    )
    return (
        f"{scoring.entry_count:,} entries ({scoring.line_count:,} lines) against"
        f" {scoring.history_count:,} earlier lines. Measures and versions: {versions}."
        f" Parameters: {changed or 'the usual ones'}.{_not_scored(period, scoring)}"
    )


def _written(value: object) -> str:
    """A parameter for people; lists without brackets and quotes."""
    if isinstance(value, list):
        return ", ".join(str(part).replace("_", " ") for part in value) or "none"
    return str(value)


def _not_scored(period: Period, scoring: ScoringRun) -> str:
    posted = JournalEntry.objects.filter(period=period, status=EntryStatus.POSTED).count()
    later = posted - scoring.entry_count
    if not later:
        return ""
    entries = "1 entry was" if later == 1 else f"{later:,} entries were"
    return f" {entries} posted after the scoring and not scored."


def _name(person: object | None) -> str:
    return str(person) if person is not None else ""
