"""The truth files: what a correct close of each month finds, computed from what was planted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from .bench import Cause
from .chart import CHART
from .company import Break, Company
from .entity import CODE, CURRENCY
from .facts import Entry, Item, Line, MatchType, Pair
from .money import plain
from .rules import RECONCILIATIONS, Reconciliation
from .statement import Statement, statements
from .workdays import MONTHS, Month, month_of


@dataclass(frozen=True)
class Row:
    """A row as the matching sees it: its side, and the signed amount that is compared."""

    side: Literal["left", "right"]
    external_id: str
    booked_on: date
    cents: int


def truth(company: Company, month: Month) -> dict[str, Any]:
    """The content of a month's truth.json. Amounts are strings, differences are left - right."""
    statement = next(found for found in statements(company) if found.month == month)
    breaks = _breaks(company, month)
    return {
        "entity": CODE,
        "period": month.label,
        "currency": CURRENCY,
        "ledger": _ledger(company, month),
        "bank_statement": _statement(statement),
        "match_types": {
            rule.match_type.value: _expected(company, month, rule) for rule in RECONCILIATIONS
        },
        "carried_in": [row for rule in RECONCILIATIONS for row in _carried(company, month, rule)],
        "breaks": [_break(broken, f"{month.label}-{n:02d}") for n, broken in enumerate(breaks, 1)],
        "anomalies": _anomalies(company, month),
    }


def _item_row(rule: Reconciliation, item: Item) -> Row:
    if rule.is_ledger_left:
        return Row("right", item.external_id, item.booked_on, item.cents * rule.right_sign)
    return Row("left", item.external_id, item.booked_on, item.cents)


def _line_row(rule: Reconciliation, entry: Entry, line: Line) -> Row:
    line_id = entry.line_id(line)
    if rule.is_ledger_left:
        return Row("left", line_id, entry.posted_on, line.cents)
    return Row("right", line_id, entry.posted_on, line.cents * rule.right_sign)


def _pair_rows(rule: Reconciliation, pair: Pair) -> list[Row]:
    return [_item_row(rule, pair.item), _line_row(rule, pair.entry, pair.line)]


def _total(rows: list[Row], side: str) -> int:
    return sum(row.cents for row in rows if row.side == side)


def _difference(rows: list[Row]) -> int:
    return _total(rows, "left") - _total(rows, "right")


def _breaks(company: Company, month: Month) -> list[Break]:
    return [broken for broken in company.breaks if broken.month == month]


def _break_rows(broken: Break) -> list[Row]:
    rule = next(rule for rule in RECONCILIATIONS if rule.match_type == broken.match_type)
    items = [_item_row(rule, item) for item in broken.planted.items]
    return items + [_line_row(rule, entry, line) for entry, line in broken.planted.lines]


def _break(broken: Break, name: str) -> dict[str, Any]:
    rows = _break_rows(broken)
    left = [row.external_id for row in rows if row.side == "left"]
    right = [row.external_id for row in rows if row.side == "right"]
    return {
        "id": name,
        "match_type": broken.match_type.value,
        "cause": broken.cause.value,
        "is_awaited": broken.cause == Cause.TIMING and not (left and right),
        "left": left,
        "right": right,
        "amount": plain(_difference(rows)),
        "currency": CURRENCY,
        "note": broken.note,
    }


def _pairs_completed_in(company: Company, month: Month, rule: Reconciliation) -> list[Pair]:
    """The pairs whose second side arrives in the month."""
    return [
        pair
        for pair in company.book.pairs
        if pair.item.match_type == rule.match_type
        and month_of(max(pair.item.booked_on, pair.entry.posted_on)) == month
    ]


def _carried_rows(company: Company, month: Month, rule: Reconciliation) -> list[tuple[Row, Row]]:
    """Rows left open by the month before, each with the row of this month that completes it."""
    return [
        (early, late)
        for pair in _pairs_completed_in(company, month, rule)
        for early, late in [sorted(_pair_rows(rule, pair), key=lambda row: row.booked_on)]
        if month_of(early.booked_on) < month
    ]


def _carried(company: Company, month: Month, rule: Reconciliation) -> list[dict[str, str]]:
    return [
        {
            "match_type": rule.match_type.value,
            "side": early.side,
            "external_id": early.external_id,
            "counterpart": late.external_id,
            "from_period": month_of(early.booked_on).label,
            "amount": plain(early.cents),
        }
        for early, late in _carried_rows(company, month, rule)
    ]


def _rows_in(company: Company, month: Month, rule: Reconciliation) -> list[Row]:
    """Every row of the month's files that takes part."""
    items = company.book.items_in(month, rule.match_type)
    return [_item_row(rule, item) for item in items] + [
        _line_row(rule, entry, line)
        for entry in company.book.entries_in(month)
        for line in entry.lines
        if line.account in rule.accounts
    ]


def _expected(company: Company, month: Month, rule: Reconciliation) -> dict[str, Any]:
    """Counts and totals of one reconciliation; totals and matches include what is carried in."""
    in_files = _rows_in(company, month, rule)
    carried = [early for early, _ in _carried_rows(company, month, rule)]
    rows = in_files + carried
    matched = [_pair_rows(rule, pair) for pair in _pairs_completed_in(company, month, rule)]
    exact = sum(one.cents == two.cents and one.booked_on == two.booked_on for one, two in matched)
    breaks = [b for b in _breaks(company, month) if b.match_type == rule.match_type]
    causes = Counter(broken.cause for broken in breaks)
    return {
        "left_count": sum(row.side == "left" for row in in_files),
        "right_count": sum(row.side == "right" for row in in_files),
        "carried_left_count": sum(row.side == "left" for row in carried),
        "carried_right_count": sum(row.side == "right" for row in carried),
        "matched_groups": len(matched),
        "matched_exact": exact,
        "matched_tolerance": len(matched) - exact,
        "break_count": len(breaks),
        "breaks_by_cause": {cause.value: causes[cause] for cause in Cause if causes[cause]},
        "left_total": plain(_total(rows, "left")),
        "right_total": plain(_total(rows, "right")),
        "difference": plain(_difference(rows)),
        "matched_residual": plain(sum(_difference(pair) for pair in matched)),
        **(_variance(rows, breaks) if rule.match_type == MatchType.JOBS_REVENUE else {}),
    }


def _variance(rows: list[Row], breaks: list[Break]) -> dict[str, str]:
    """Variance of revenue in percent of the ledger's total: net, and of the breaks' sizes."""
    revenue = _total(rows, "right")
    gross = sum(abs(_difference(_break_rows(broken))) for broken in breaks)
    return {
        "variance_percent": _percent(abs(_difference(rows)), revenue),
        "gross_variance_percent": _percent(gross, revenue),
    }


def _percent(part: int, whole: int) -> str:
    """Four decimals, halves rounded up; neither is negative."""
    scaled = (2 * 1_000_000 * part + whole) // (2 * whole)
    return f"{scaled // 10_000}.{scaled % 10_000:04d}"


def _ledger(company: Company, month: Month) -> dict[str, Any]:
    entries = company.book.entries_in(month)
    lines = [line for entry in entries for line in entry.lines]
    since = MONTHS[0].first_on
    closing = {
        account.code: company.openings[account.code]
        + company.book.balance(account.code, since=since, until=month.last_on)
        for account in CHART
    }
    return {
        "entry_count": len(entries),
        "line_count": len(lines),
        "debit_total": plain(sum(line.cents for line in lines if line.cents > 0)),
        "credit_total": plain(-sum(line.cents for line in lines if line.cents < 0)),
        "closing_balances": {code: plain(cents) for code, cents in closing.items()},
    }


def _statement(statement: Statement) -> dict[str, Any]:
    return {
        "line_count": len(statement.lines),
        "opening_balance": plain(statement.opening_cents),
        "closing_balance": plain(statement.closing_cents),
    }


def _anomalies(company: Company, month: Month) -> list[dict[str, str]]:
    return [
        {
            "kind": anomaly.kind,
            "entry_id": anomaly.entry.entry_id,
            "line_id": anomaly.entry.line_id(anomaly.line),
            "account_code": anomaly.line.account,
            "amount": plain(anomaly.line.cents),
            "why": anomaly.why,
        }
        for anomaly in company.anomalies[month]
    ]
