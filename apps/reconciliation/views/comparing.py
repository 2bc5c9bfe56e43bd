"""Records of both sides next to each other, field by field, with what differs in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

from apps.common.templatetags.finflow import amount, day

Row = Mapping[str, Any]

_TEXTS = (
    ("reference", "Reference"),
    ("account", "Account"),
    ("counterparty", "Counterparty"),
    ("narrative", "Narrative"),
)

_SIDE_BY_SIDE = {
    "currency",
    "amount",
    "difference",
    "reference",
    "booked_on",
    "value",
    "quantity",
    *(
        f"{side}_{name}"
        for side in ("left", "right")
        for name in ("amount", "amounts", "reference", "booked_on", "rate")
    ),
}
_TERMS = {
    "age_days": "Age",
    "as_of": "Counted on",
    "awaited_days": "Awaited for up to",
    "copies": "Copies on this side",
    "counterparts": "Counterparts",
    "further": "Counterparts too long before or after",
    "original_on": "First booked",
    "source": "Known from",
    "left_key": "Key on the left",
    "right_key": "Key on the right",
}


def pair_of(sides: Mapping[str, Sequence[Row]]) -> tuple[Row, Row] | None:
    """The only record of either side; None where they do not stand one to one."""
    left, right = sides["left"], sides["right"]
    return (left[0], right[0]) if len(left) == len(right) == 1 else None


def compared(left: Row, right: Row) -> list[dict[str, Any]]:
    """Two records (see `selectors.items_shown`) as rows for components/compare.html.

    Amounts are those that are compared: the right one turned round where the rules say so.
    """
    rows = [
        _row("Amount", left, right, _money, _amounts_apart),
        _row("Booked", left, right, lambda row: day(row["booked_on"]), _days_apart),
    ]
    if _has(left, right, "value_on"):
        rows.append(_row("Value date", left, right, _value_day, _value_days_apart))
    for name, label in _TEXTS:
        if _has(left, right, name):
            rows.append(_row(label, left, right, partial(_text, name), _nothing))
    return rows + _common_attributes(left, right)


def _row(
    label: str,
    left: Row,
    right: Row,
    text: Callable[[Row], str | None],
    verdict: Callable[[Row, Row], str],
) -> dict[str, Any]:
    return {
        "label": label,
        "left": text(left),
        "right": text(right),
        "verdict": verdict(left, right),
    }


def _has(left: Row, right: Row, name: str) -> bool:
    return bool(left[name] or right[name])


def _text(name: str, row: Row) -> str:
    return str(row[name])


def _money(row: Row) -> str:
    return f"{amount(row['compared'], row['currency'])} {row['currency']}"


def _amounts_apart(left: Row, right: Row) -> str:
    gap: Decimal = left["compared"] - right["compared"]
    if not gap:
        return "equal"
    return f"differs by {amount(gap.copy_abs(), left['currency'])}"


def _days_apart(left: Row, right: Row) -> str:
    return _apart(left["booked_on"], right["booked_on"])


def _value_day(row: Row) -> str | None:
    return day(row["value_on"]) if row["value_on"] else None


def _value_days_apart(left: Row, right: Row) -> str:
    if not (left["value_on"] and right["value_on"]):
        return "not stated on both sides"
    return _apart(left["value_on"], right["value_on"])


def _apart(first_on: date, second_on: date) -> str:
    days = (second_on - first_on).days
    if not days:
        return "equal"
    plural = "" if abs(days) == 1 else "s"
    return f"{abs(days)} day{plural} {'later' if days > 0 else 'earlier'}"


def _nothing(left: Row, right: Row) -> str:
    """The component says itself whether texts are equal."""
    return ""


def _common_attributes(left: Row, right: Row) -> list[dict[str, Any]]:
    """Other columns of the files that both sides have, such as quantity and rate."""
    names = sorted(left["attributes"].keys() & right["attributes"].keys())
    return [
        {
            "label": name.replace("_", " ").capitalize(),
            "left": left["attributes"][name],
            "right": right["attributes"][name],
            "verdict": "",
        }
        for name in names
    ]


def further_evidence(evidence: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Facts of a break as (term, words), without what the records themselves show side by side.

    Ids of records, which say nothing to people, are left out too.
    """
    currency = evidence.get("currency", "")
    return [
        (_term(name), _words(name, value, currency))
        for name, value in evidence.items()
        if name not in _SIDE_BY_SIDE and not name.endswith(("_id", "_candidates")) and value
    ]


def _term(name: str) -> str:
    return _TERMS.get(name, name.replace("_", " ").capitalize())


def _words(name: str, value: Any, currency: str) -> str:
    if isinstance(value, list):
        return "; ".join(_words(name, each, currency) for each in value)
    if name.endswith("_days"):
        return f"{value} day{'' if value == 1 else 's'}"
    if name.endswith(("_on", "as_of")):
        return day(date.fromisoformat(value))
    if name.endswith(("amount", "amounts", "difference", "fee")) and currency:
        return f"{amount(Decimal(value), currency)} {currency}"
    return str(value)
