"""What of the reconciliations rests on a period that somebody would reopen."""

from __future__ import annotations

from datetime import timedelta

from apps.identity.models import User
from apps.ledger.models import Period
from apps.reconciliation.models import Run
from apps.reconciliation.selectors.upon import certified_upon
from apps.reconciliation.services import certify_run, explain_break


def test_those_that_two_certified_are_told(april: Run, alice: User, rita: User) -> None:
    period = Period(entity=april.entity, starts_on=april.starts_on, ends_on=april.ends_on)
    for broken in april.breaks.exclude(state="awaited"):
        explain_break(break_id=broken.pk, comment="Known", actor=alice)
    for part, actor in (("prepared", alice), ("reviewed", rita)):
        assert certified_upon(period) == []
        certify_run(run_id=april.pk, part=part, outcome_digest=april.outcome_digest, actor=actor)
    (told,) = certified_upon(period)
    assert told.what == "Certified: Bank to ledger"
    assert told.url == f"/reconciliations/{april.pk}/"
    elsewhere = Period(
        entity=april.entity,
        starts_on=april.ends_on + timedelta(days=1),
        ends_on=april.ends_on + timedelta(days=31),
    )
    assert certified_upon(elsewhere) == []
