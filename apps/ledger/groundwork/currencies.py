"""The register of currencies: it has to be there before the first line."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from moneyed import CURRENCIES

from apps.audit.services import record
from apps.common.money import exponent
from apps.identity.selectors import system_user
from apps.ledger.groundwork.tables import are_there
from apps.ledger.models import Currency


@transaction.atomic
def register_currencies(*, using: str = "default", **kwargs: Any) -> None:
    """After migrate: add the currencies that `common.money` knows and the table does not."""
    if not are_there(using, "ledger_currency", "audit_event"):
        return
    present = set(Currency.objects.using(using).values_list("code", flat=True))
    missing = [
        Currency(code=code, name=currency.name, exponent=exponent(code))
        for code, currency in sorted(CURRENCIES.items())
        if code not in present
    ]
    if missing:
        Currency.objects.using(using).bulk_create(missing)
        record(
            actor=system_user(),
            action="ledger.currency.register",
            subject=missing[0],
            codes=[currency.code for currency in missing],
        )
