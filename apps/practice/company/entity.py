"""The entity: Harbour Field Services B.V."""

from __future__ import annotations

from typing import Any

from .workdays import FISCAL_YEAR_FROM, MONTHS, OPENING_ON

CODE = "HFS"
NAME = "Harbour Field Services B.V."
CURRENCY = "EUR"
ZONE = "Europe/Amsterdam"
IBAN = "NL91HRBR0417230200"
"""An invented account at an invented bank; the check digits are right."""

BIC = "HRBRNL2A"


def entity() -> dict[str, Any]:
    """The content of entity.json."""
    return {
        "code": CODE,
        "name": NAME,
        "functional_currency": CURRENCY,
        "zone": ZONE,
        "fiscal_calendar": "calendar_month",
        "fiscal_year_from": FISCAL_YEAR_FROM.isoformat(),
        "opening_on": OPENING_ON.isoformat(),
        "periods": [
            {
                "code": month.label,
                "first_on": month.first_on.isoformat(),
                "last_on": month.last_on.isoformat(),
            }
            for month in MONTHS
        ],
        "bank_account": {"iban": IBAN, "bic": BIC, "currency": CURRENCY},
    }
