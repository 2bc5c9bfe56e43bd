"""Section 7: exceptions by cause, their evaluation, and anomalies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from reportlab.platypus import Flowable

from ..content import Anomaly, Deficiency, ExceptionLine, Exceptions
from ..figures import Money, write_amount, write_count, write_date, write_money
from ..tables import Bar, Cell, Column
from .blocks import answer, counted, facts, ledger, prose, subheading

LONGEST_LIST_IN_SECTION = 60
_SHOWN_OF_A_LONG_LIST = 30

_CAUSE_COLUMNS = (
    Column("Cause", 128),
    Column("Lines", 44, "right"),
    Column("Open", 40, "right"),
    Column("Net", 86, "right"),
    Column("Gross", 86, "right"),
    Column("Cur.", 27),
    Column("Share of lines", 88),
)
_EXCEPTION_COLUMNS = (
    Column("Reference", 58),
    Column("Booked", 54),
    Column("Where", 60),
    Column("Description", 130),
    Column("Cause", 57),
    Column("Amount", 68, "right"),
    Column("Cur.", 25),
    Column("Status", 47),
)
_ANOMALY_COLUMNS = (
    Column("Reference", 66),
    Column("Booked", 53),
    Column("Account", 56),
    Column("Amount", 62, "right"),
    Column("Cur.", 25),
    Column("Score", 30, "right"),
    Column("Reasons", 149),
    Column("Disposition", 58),
)


@dataclass(frozen=True, slots=True)
class CauseTotal:
    """The exceptions of one cause in one currency."""

    cause: str
    currency: str
    count: int
    open_count: int
    net: Decimal
    gross: Decimal


def cause_totals(lines: Iterable[ExceptionLine]) -> list[CauseTotal]:
    """Totals by cause and currency, most lines first."""
    groups: dict[tuple[str, str], list[ExceptionLine]] = {}
    for line in lines:
        groups.setdefault((line.cause, line.amount.currency), []).append(line)
    totals = [
        CauseTotal(
            cause,
            currency,
            len(group),
            sum(line.is_open for line in group),
            sum((line.amount.amount for line in group), Decimal(0)),
            sum((abs(line.amount.amount) for line in group), Decimal(0)),
        )
        for (cause, currency), group in groups.items()
    ]
    return sorted(totals, key=lambda total: (-total.count, total.cause, total.currency))


def exceptions_story(exceptions: Exceptions, list_appendix: str) -> list[Flowable]:
    """Section 7.

    Args:
        list_appendix: letter of the appendix that has the whole list, or empty if the section
            itself has it.
    """
    totals = cause_totals(exceptions.lines)
    story = [*answer(_summary(exceptions, totals)), *subheading("7.1", "Exceptions by cause")]
    if totals:
        story += ledger(_CAUSE_COLUMNS, _cause_rows(totals), totals=_currency_totals(totals))
        story += prose(
            "Net is the sum with signs, gross the sum without. Bars show each cause's share of "
            "all lines."
        )
    else:
        story += prose("No exception was found.")
    story += _listed(exceptions.lines, list_appendix)
    story += _evaluated(exceptions.deficiencies)
    return story + _anomalies(exceptions)


def _summary(exceptions: Exceptions, totals: Sequence[CauseTotal]) -> str:
    causes = len({total.cause for total in totals})
    still_open = sum(total.open_count for total in totals)
    return (
        f"{counted(len(exceptions.lines), 'exception', 'exceptions')} of "
        f"{counted(causes, 'cause', 'causes')}, {still_open:,} open; "
        f"{counted(len(exceptions.deficiencies), 'deficiency', 'deficiencies')}; "
        f"{counted(len(exceptions.anomalies), 'anomaly', 'anomalies')}."
    )


def _cause_rows(totals: Sequence[CauseTotal]) -> Iterable[list[Cell]]:
    lines = sum(total.count for total in totals)
    for total in totals:
        yield [
            total.cause,
            write_count(total.count),
            write_count(total.open_count),
            write_amount(Money(total.net, total.currency)),
            write_amount(Money(total.gross, total.currency)),
            total.currency,
            Bar(total.count / lines),
        ]


def _currency_totals(totals: Sequence[CauseTotal]) -> Iterable[list[Cell]]:
    for currency in sorted({total.currency for total in totals}):
        group = [total for total in totals if total.currency == currency]
        yield [
            "Total",
            write_count(sum(total.count for total in group)),
            write_count(sum(total.open_count for total in group)),
            write_amount(Money(sum((total.net for total in group), Decimal(0)), currency)),
            write_amount(Money(sum((total.gross for total in group), Decimal(0)), currency)),
            currency,
            "",
        ]


def _listed(lines: Sequence[ExceptionLine], list_appendix: str) -> list[Flowable]:
    if not lines:
        return []
    if not list_appendix:
        return [*subheading("7.2", "List of exceptions"), *exception_list(lines)]
    shown = sorted(lines, key=lambda line: (not line.is_open, -abs(line.amount.amount)))
    return [
        *subheading("7.2", f"The {_SHOWN_OF_A_LONG_LIST} weightiest exceptions"),
        *prose(
            f"Open ones first, then by amount. All {len(lines):,} are listed in appendix "
            f"{list_appendix}."
        ),
        *exception_list(shown[:_SHOWN_OF_A_LONG_LIST]),
    ]


def exception_list(lines: Iterable[ExceptionLine]) -> list[Flowable]:
    """The exceptions, one row each."""
    return ledger(_EXCEPTION_COLUMNS, map(_exception_row, lines))


def _exception_row(line: ExceptionLine) -> list[str]:
    return [
        line.reference,
        "—" if line.booked_on is None else write_date(line.booked_on),
        line.account,
        line.description,
        line.cause,
        write_amount(line.amount),
        line.amount.currency,
        line.status,
    ]


def _evaluated(deficiencies: Sequence[Deficiency]) -> list[Flowable]:
    story = subheading("7.3", "Evaluation of deficiencies")
    if not deficiencies:
        return story + prose("No deficiency was identified.")
    for deficiency in deficiencies:
        story += facts(
            [
                ("Nature", deficiency.nature),
                ("Cause", deficiency.cause),
                ("Amount", write_money(deficiency.amount)),
                ("Compensating control", deficiency.compensating_control),
                ("Remediation", deficiency.remediation),
                ("Retest", deficiency.retest),
                ("Severity", deficiency.severity),
                ("Aggregation", deficiency.aggregation),
            ]
        )
    return story


def _anomalies(exceptions: Exceptions) -> list[Flowable]:
    story = [*subheading("7.4", "Anomalies"), *facts([("Method", exceptions.anomaly_method)])]
    if not exceptions.anomalies:
        return story + prose("No transaction was singled out.")
    return story + ledger(_ANOMALY_COLUMNS, map(_anomaly_row, exceptions.anomalies))


def _anomaly_row(anomaly: Anomaly) -> list[str]:
    return [
        anomaly.reference,
        write_date(anomaly.booked_on),
        anomaly.account,
        write_amount(anomaly.amount),
        anomaly.amount.currency,
        anomaly.score,
        "; ".join(anomaly.reasons),
        anomaly.disposition,
    ]
