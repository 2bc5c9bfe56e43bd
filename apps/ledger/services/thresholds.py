"""From which amounts on an account analysis needs words."""

from __future__ import annotations

from decimal import Decimal

from django.db import transaction

from apps.audit.services import record
from apps.common.access import authorize
from apps.common.money import plain, require_minor_units
from apps.identity.models import User
from apps.ledger.errors import ThresholdInvalid
from apps.ledger.locks import account_for_update
from apps.ledger.models import AnalysisThreshold
from apps.ledger.permissions import SET_THRESHOLD

_TOO_LARGE = Decimal(10) ** 16  # NUMERIC(20,4)


@transaction.atomic
def set_threshold(
    *,
    account_id: int,
    currency: str,
    difference: Decimal,
    actor: User,
    change: Decimal | None = None,
) -> AnalysisThreshold:
    """Say how much of an account's balance may stay unexplained, or move, without words.

    Without a threshold every unexplained difference needs words, and no change does. It counts
    for what is signed from now on.

    Args:
        difference: the largest unexplained difference that needs none.
        change: the largest change of the balance in a period that needs none; None: none does.

    Raises:
        NotVisible, NotPermitted: not this actor.
        ThresholdInvalid: an amount below zero, or too large.
        Invalid: no such currency, or more decimals than it has.
    """
    account = account_for_update(account_id, actor=actor)
    authorize(actor, SET_THRESHOLD, entity_id=account.entity_id)
    _require_amount(difference, currency, "difference")
    if change is not None:
        _require_amount(change, currency, "change")
    threshold: AnalysisThreshold = AnalysisThreshold.objects.create(
        account=account, currency=currency, difference=difference, change=change, set_by=actor
    )
    record(
        actor=actor,
        action="ledger.threshold.set",
        subject=threshold,
        entity_id=account.entity_id,
        account=account.code,
        currency=currency,
        difference=plain(difference, currency),
        change=None if change is None else plain(change, currency),
    )
    return threshold


def _require_amount(amount: Decimal, currency: str, field: str) -> None:
    require_minor_units(amount, currency, field=field)
    if not 0 <= amount < _TOO_LARGE:
        raise ThresholdInvalid(field=field)
