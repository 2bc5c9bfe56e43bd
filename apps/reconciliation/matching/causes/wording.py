"""Dates and amounts in the sentences and the evidence of breaks."""

from __future__ import annotations

from datetime import date
from typing import Any

from apps.reconciliation.matching.causes.case import Row
from apps.reconciliation.matching.money import amount_text


def days_apart(first_on: date, second_on: date) -> str:
    """Where the second date lies, seen from the first: ``2 days later``."""
    days = (second_on - first_on).days
    if not days:
        return "on the same day"
    plural = "" if abs(days) == 1 else "s"
    return f"{abs(days)} day{plural} {'later' if days > 0 else 'earlier'}"


def pair_evidence(pair: Row) -> dict[str, Any]:
    """The facts of a left and a right item of the same currency."""
    currency = pair["currency"]
    # What the pair was found by is equal, and there only once.
    right_amount = pair["amount_right"] if "amount_right" in pair else pair["amount"]
    right_reference = pair["reference_right"] if "reference_right" in pair else pair["reference"]
    return {
        "currency": currency,
        "left_amount": amount_text(pair["amount"], currency),
        "right_amount": amount_text(right_amount, currency),
        "difference": amount_text(pair["amount"] - right_amount, currency),
        "left_booked_on": pair["booked_on"].isoformat(),
        "right_booked_on": pair["booked_on_right"].isoformat(),
        "left_reference": pair["reference"],
        "right_reference": right_reference,
    }
