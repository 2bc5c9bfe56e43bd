"""Who takes part after the approval was asked for is excluded like who took part before."""

from __future__ import annotations

from typing import Any

import pytest

from apps.approvals import registry
from apps.approvals.errors import ApproverTookPart, OwnWork
from apps.approvals.models import Conflict, Request
from apps.approvals.selectors import eligible_approvers, inbox, refusal_to_decide
from apps.approvals.services import decide, recheck_requests
from apps.approvals.states import RequestStatus
from apps.audit.models import Event
from tests.approvals.conftest import subject
from tests.approvals.test_pages import address, signed_in, text_of

THEN = ({"role": "reviewer", "count": 1}, {"role": "approver", "count": 1})


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """Whom the subject's app names now."""
    people: set[int] = set()
    monkeypatch.setattr(registry, "_PARTICIPANTS", {})
    registry.register_participants(
        "auth.permission", lambda pk: people if pk == str(subject().pk) else ()
    )
    return people


@pytest.fixture
def beth(person: Any, entity: Any) -> Any:
    return person("beth", "approver", on=entity)


def verdict(request: Request, actor: Any, word: str = "approve") -> Request:
    return decide(
        request_id=request.pk,
        verdict=word,
        comment="x",
        attested=True,
        expected_version=Request.objects.get(pk=request.pk).version,
        actor=actor,
    )


def test_who_takes_part_late_does_not_decide(
    define: Any, ask: Any, late: set[int], bob: Any, beth: Any, table_counts: Any, entity: Any
) -> None:
    define()
    made, other = ask(), ask(subject(1))
    late.add(bob.pk)
    assert isinstance(refusal_to_decide(made, bob), OwnWork)
    assert refusal_to_decide(other, bob) is None
    assert eligible_approvers(made) == [beth]
    before = table_counts()
    with pytest.raises(OwnWork):
        verdict(made, bob)
    assert table_counts() == before
    assert recheck_requests(entity_id=entity.pk) == [made.pk]
    assert inbox(bob) == [other]
    assert Conflict.objects.get(request=made).user == bob
    assert Event.objects.get(action="approvals.request.exclude").details == {"people": [bob.pk]}
    assert recheck_requests(entity_id=entity.pk) == []
    assert verdict(made, beth).status == RequestStatus.APPROVED


def test_the_decision_of_another_puts_him_on_record(
    define: Any, ask: Any, late: set[int], bob: Any, beth: Any, alice: Any
) -> None:
    define(stages=[{"role": "approver", "count": 1}])
    made = ask()
    late.add(bob.pk)
    verdict(made, beth)
    assert Conflict.objects.get(request=made).user == bob
    assert "took part in it after it was asked for" in text_of(signed_in(alice).get(address(made)))


def test_if_that_was_everybody_it_is_blocked(
    define: Any, ask: Any, late: set[int], bob: Any, entity: Any
) -> None:
    define()
    made = ask()
    late.add(bob.pk)
    recheck_requests(entity_id=entity.pk)
    assert Request.objects.get(pk=made.pk).status == RequestStatus.BLOCKED


def test_an_approval_of_somebody_who_then_took_part_carries_nothing(
    define: Any, ask: Any, late: set[int], rita: Any, bob: Any, table_counts: Any
) -> None:
    define(stages=THEN)
    made = ask()
    verdict(made, rita)
    late.add(rita.pk)
    before = table_counts()
    with pytest.raises(ApproverTookPart):
        verdict(made, bob)
    assert table_counts() == before
    assert verdict(made, bob, "return").status == RequestStatus.RETURNED


def test_whoever_listens_for_notices_is_told_once_however_often_he_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(registry, "_NOTICE_LISTENERS", [])
    heard: list[str] = []

    def listener(_about: Any, kind: str, occasion: str) -> None:
        heard.append(f"{kind} {occasion}")

    registry.on_notice(listener)
    registry.on_notice(listener)
    registry.notices_made(None, "reminder", "today")
    assert heard == ["reminder today"]
