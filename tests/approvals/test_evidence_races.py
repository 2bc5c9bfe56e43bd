"""Evidence and decisions at the same moment: each decision covers exactly what was there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from apps.approvals.models import Attachment, Decision, Request
from apps.approvals.rules import Evidence
from apps.approvals.selectors.evidence import evidence_digest
from apps.approvals.services import attach, decide
from apps.approvals.states import RequestStatus
from apps.audit.models import Event
from apps.identity.models import User
from tests.approvals.conftest import HASH
from tests.approvals.test_races import race, sorted_out

pytestmark = pytest.mark.django_db(transaction=True)
Call = Callable[[], Any]
NOTE = Evidence.in_words("explanation", "Timing differences.")


def attaching(request: Request, actor: Any, evidence: Evidence = NOTE) -> Call:
    return lambda: attach(
        request_id=request.pk, evidence=evidence, actor=User.objects.get(pk=actor.pk)
    )


def deciding(request: Request, actor: Any, *evidence: Evidence) -> Call:
    return lambda: decide(
        request_id=request.pk,
        verdict="approve",
        comment="x",
        attested=False,
        expected_version=1,
        actor=User.objects.get(pk=actor.pk),
        evidence=evidence,
    )


def covered(*evidence: Evidence) -> str:
    return evidence_digest(HASH, [(one.kind, one.sha256) for one in evidence])


@pytest.mark.parametrize("attempt", range(4))
def test_evidence_that_comes_while_somebody_decides(
    define: Any, ask: Any, alice: Any, bob: Any, attempt: int
) -> None:
    """The decision came first and covers nothing, or the evidence did and it is looked at anew."""
    define()
    made = ask()
    done, refusals = sorted_out(race([attaching(made, alice), deciding(made, bob)]))
    assert (len(done), len(refusals)) == (1, 1)
    made.refresh_from_db()
    if made.status == RequestStatus.APPROVED:
        assert refusals[0].code == "ILLEGAL_MOVE"
        assert Decision.objects.get().evidence_hash == covered()
        assert not Attachment.objects.exists()
    else:
        assert refusals[0].code == "STALE_VERSION"
        assert (made.status, made.version) == (RequestStatus.PENDING, 2)
        assert Attachment.objects.get().decision is None
        assert not Decision.objects.exists()


def test_evidence_brought_by_two_who_decide_at_once(
    define: Any, ask: Any, alice: Any, bob: Any, person: Any, entity: Any
) -> None:
    beth = person("beth", "approver", on=entity)
    define()
    made = ask()
    other = Evidence.in_words("explanation", "Another reason.")
    calls = [deciding(made, bob, NOTE), deciding(made, beth, other), attaching(made, alice, other)]
    done, refusals = sorted_out(race(calls))
    assert (len(done), len(refusals)) == (1, 2)
    made.refresh_from_db()
    assert made.version == 2
    there = list(Attachment.objects.all())
    assert len(there) == 1
    if made.status == RequestStatus.APPROVED:
        decision = Decision.objects.get()
        brought = NOTE if decision.approver == bob else other
        assert decision.evidence_hash == covered(brought)
        assert there[0].decision == decision


@pytest.mark.parametrize("size", [2, 8])
def test_the_same_file_sent_many_times_at_once_is_attached_once(
    define: Any, ask: Any, alice: Any, bob: Any, size: int
) -> None:
    define()
    made = ask()
    done, refusals = sorted_out(race([attaching(made, alice)] * size))
    assert (len(done), len(refusals)) == (1, size - 1)
    assert {refusal.code for refusal in refusals} == {"ATTACHMENT_EXISTS"}
    made.refresh_from_db()
    assert (made.version, Attachment.objects.count()) == (2, 1)


def test_different_files_at_once_are_all_attached_and_counted(
    define: Any, ask: Any, alice: Any, rita: Any, bob: Any
) -> None:
    define()
    made = ask()
    notes = [Evidence.in_words("document", f"Note {number}") for number in range(8)]
    calls = [attaching(made, (alice, rita)[number % 2], note) for number, note in enumerate(notes)]
    done, refusals = sorted_out(race(calls))
    assert (len(done), refusals) == (8, [])
    made.refresh_from_db()
    assert made.version == 9
    assert made.conflicts.count() == 1
    assert Event.objects.filter(action="approvals.request.attach").count() == 8


def test_a_reviewer_who_attaches_while_he_decides_does_one_of_both(
    define: Any, ask: Any, rita: Any, person: Any, entity: Any
) -> None:
    person("rosa", "reviewer", on=entity)
    define(stages=[{"role": "reviewer", "count": 2}])
    person("rolf", "reviewer", on=entity)
    made = ask()
    done, refusals = sorted_out(race([attaching(made, rita), deciding(made, rita)]))
    assert (len(done), len(refusals)) == (1, 1)
    has_decided = Decision.objects.filter(approver=rita).exists()
    assert made.conflicts.filter(user=rita).exists() != has_decided
    assert refusals[0].code == ("ALREADY_DECIDED_BY_YOU" if has_decided else "STALE_VERSION")
