"""The machine-readable side of an evidence package: CSV files beside the document's tables."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from apps.reporting.documents import Attachment, Omission, Population
from apps.reporting.services.findings import AnomalyFacts, BreakFacts

_FORMULA_STARTS = frozenset("=+-@\t\r\0")


def attachments_of(
    population: Population | Omission,
    breaks: Sequence[BreakFacts],
    anomalies: Sequence[AnomalyFacts],
) -> list[Attachment]:
    """Every break, every anomaly, and the roll-forward; amounts with four decimals, exact."""
    files = [_exceptions(breaks), _anomalies(anomalies)]
    if isinstance(population, Population):
        files.append(_roll_forward(population))
    return files


def _exceptions(breaks: Sequence[BreakFacts]) -> Attachment:
    return _csv(
        "exceptions.csv",
        "Every break of the period",
        (
            "reconciliation",
            "run",
            "break",
            "reference",
            "booked_on",
            "cause",
            "amount",
            "currency",
            "reason",
            "status",
            "explained_by",
            "accepted_by",
            "comment",
        ),
        (
            (
                found.line.account,
                found.run_id,
                found.number,
                found.line.reference,
                found.line.booked_on,
                found.line.cause,
                found.line.amount.amount,
                found.line.amount.currency,
                found.line.description,
                found.line.status,
                found.explained_by,
                found.accepted_by,
                found.comment,
            )
            for found in breaks
        ),
    )


def _anomalies(anomalies: Sequence[AnomalyFacts]) -> Attachment:
    return _csv(
        "anomalies.csv",
        "Every entry that stood out, with every reason",
        (
            "reference",
            "posted_on",
            "account",
            "amount",
            "currency",
            "score",
            "reasons",
            "disposition",
            "reviewed_by",
            "comment",
        ),
        (
            (
                found.line.reference,
                found.line.booked_on,
                found.line.account,
                found.line.amount.amount,
                found.line.amount.currency,
                found.score,
                "; ".join(found.reasons),
                found.line.disposition,
                found.reviewed_by,
                found.comment,
            )
            for found in anomalies
        ),
    )


def _roll_forward(population: Population) -> Attachment:
    return _csv(
        "roll_forward.csv",
        "Opening, activity and closing balance of every account",
        ("account", "currency", "opening", "debits", "credits", "closing"),
        (
            (
                line.account,
                line.currency,
                line.opening,
                line.debits,
                line.credits,
                line.closing,
            )
            for line in population.roll_forward
        ),
    )


def _csv(
    name: str, description: str, header: Sequence[str], rows: Iterable[Sequence[Any]]
) -> Attachment:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([harmless(cell) for cell in row] for row in rows)
    return Attachment(name, buffer.getvalue().encode(), "text/csv", description)


def harmless(cell: Any) -> Any:
    """A text that a spreadsheet would take for a formula gets a quote in front; figures stay."""
    if isinstance(cell, Decimal):
        return f"{cell:f}"
    if isinstance(cell, str) and cell[:1] in _FORMULA_STARTS:
        return f"'{cell}"
    return cell
