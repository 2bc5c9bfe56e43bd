"""Two people at one waiver at the same moment."""

from __future__ import annotations

from typing import Any

import pytest

from apps.approvals.models import Decision, Waiver
from apps.approvals.services import revoke_waiver, sign_waiver
from apps.approvals.states import RequestStatus, WaiverState
from apps.audit.models import Event
from apps.identity.models import User
from tests.approvals.test_races import deciding, race, sorted_out
from tests.approvals.test_waivers import carl, propose, waive

__all__ = ["carl", "propose", "waive"]

pytestmark = pytest.mark.django_db(transaction=True)


def test_one_of_two_signs(propose: Any, carl: Any, person: Any, entity: Any) -> None:
    cora = person("cora", "controller", on=entity)
    waiver = propose()
    done, refusals = sorted_out(
        race(
            [
                lambda one=one: sign_waiver(waiver_id=waiver.pk, actor=User.objects.get(pk=one.pk))
                for one in (carl, cora)
            ]
        )
    )
    assert (len(done), [one.code for one in refusals]) == (1, ["ILLEGAL_MOVE"])
    assert Event.objects.filter(action="approvals.waiver.sign").count() == 1


def test_deciding_and_revoking_follow_each_other(
    define: Any, ask: Any, bob: Any, waive: Any, carl: Any
) -> None:
    define()
    waiver = waive()
    made = ask(conflicted=[bob])
    outcomes = race(
        [
            deciding(made, bob),
            lambda: revoke_waiver(
                waiver_id=waiver.pk, reason="x", actor=User.objects.get(pk=carl.pk)
            ),
        ]
    )
    _, refusals = sorted_out(outcomes)
    assert Waiver.objects.get().state == WaiverState.REVOKED
    made.refresh_from_db()
    if refusals:
        assert [one.code for one in refusals] == ["OWN_WORK"]
        assert not Decision.objects.exists()
    else:
        assert made.status == RequestStatus.APPROVED
        decision, revoked = Decision.objects.get(), Waiver.objects.get()
        assert decision.waiver == waiver
        assert decision.decided_at < revoked.revoked_at
