"""What of the reconciliations rests on a period of the books."""

from __future__ import annotations

from django.urls import reverse

from apps.ledger.models import Period
from apps.ledger.registry import Upon
from apps.reconciliation.models import Run
from apps.reconciliation.selectors.certifications import certification_of
from apps.reconciliation.states import CertificationStatus


def certified_upon(period: Period) -> list[Upon]:
    """The reconciliations of exactly the period's days that stand and are certified."""
    runs = (
        Run.objects.live()
        .filter(entity_id=period.entity_id, starts_on=period.starts_on, ends_on=period.ends_on)
        .select_related("match_type")
        .order_by("match_type__code")
    )
    return [
        Upon(
            f"Certified: {run.match_type.name}",
            "stays certified for what it compared; run it again if late lines belong to it",
            reverse("reconciliation:run", args=[run.pk]),
        )
        for run in runs
        if certification_of(run).status == CertificationStatus.CERTIFIED
    ]
