"""Stages: of a role or of named people, any, so many or all; different people at each."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from apps.approvals.errors import AlreadyDecidedByActor, NotNamed, PolicyInvalid
from apps.approvals.models import Policy, Request
from apps.approvals.selectors import (
    approvals_missing,
    deadlock_of,
    eligible_approvers,
    inbox,
    refusal_to_decide,
    staff_of,
    stage_in_words,
)
from apps.approvals.services import decide, recheck_requests
from apps.approvals.states import RequestStatus
from apps.identity.models import User
from apps.identity.services import deactivate_user, revoke_role
from tests.approvals.test_admin import signed_in
from tests.approvals.test_pages import address, text_of
from tests.approvals.test_rest import POLICIES, post

APPROVED, PENDING, BLOCKED = RequestStatus.APPROVED, RequestStatus.PENDING, RequestStatus.BLOCKED


def named(*people: str, count: int | str = 1) -> dict[str, Any]:
    return {"people": list(people), "count": count}


def of(role: str, count: int | str = 1) -> dict[str, Any]:
    return {"role": role, "count": count}


def approve(request: Request, actor: Any) -> str:
    decided = decide(
        request_id=request.pk,
        verdict="approve",
        comment="",
        attested=True,
        expected_version=Request.objects.get(pk=request.pk).version,
        actor=User.objects.get(pk=actor.pk),
    )
    return str(decided.status)


def missing(request: Request) -> int:
    found = Request.objects.get(pk=request.pk)
    return approvals_missing(found, staff_of(found.entity))


@pytest.fixture
def beth(person: Any, entity: Any) -> Any:
    return person("beth", "approver", on=entity)


@pytest.fixture
def carl(person: Any, entity: Any) -> Any:
    return person("carl", "approver", "reviewer", on=entity)


# --- Named people ---------------------------------------------------------------------------


def test_one_of_the_named_is_enough(
    define: Any, ask: Any, bob: Any, beth: Any, carl: Any, connie: Any
) -> None:
    define(stages=[named("bob", "connie")])
    made = ask()
    assert eligible_approvers(made) == [bob, connie]
    for other in (beth, carl):
        assert isinstance(refusal_to_decide(made, other), NotNamed)
        assert inbox(other) == []
    for one in (bob, connie):
        assert inbox(one) == [made]
    assert missing(made) == 1
    assert approve(made, connie) == APPROVED
    assert made.decisions.get().role_at_time == "controller"


def test_so_many_of_the_named(define: Any, ask: Any, bob: Any, beth: Any, carl: Any) -> None:
    define(stages=[named("bob", "beth", "carl", count=2)])
    made = ask()
    assert approve(made, carl) == PENDING
    assert missing(made) == 1
    assert isinstance(refusal_to_decide(made, carl), AlreadyDecidedByActor)
    assert approve(made, bob) == APPROVED


def test_all_of_the_named_and_without_one_nobody(
    define: Any, ask: Any, bob: Any, beth: Any, ada: Any
) -> None:
    from tests.approvals.conftest import subject

    define(stages=[named("bob", "beth", count="all")])
    made = ask()
    assert missing(made) == 2
    assert approve(made, bob) == PENDING
    assert approve(made, beth) == APPROVED
    second = ask(subject(1), conflicted=[beth])
    assert second.status == BLOCKED
    found = deadlock_of(second)
    assert found is not None
    assert found.lack == (
        "It needs all of beth, bob, but only Bob could decide on it at the moment."
    )
    assert found.barred == ("Beth took part in preparing it.",)
    assert len(found.remedies) == 1, "no role helps where people are named"


def test_who_is_named_and_decides_nothing_any_more_does_not_count(
    define: Any, ask: Any, bob: Any, entity: Any, system: Any
) -> None:
    define(stages=[named("bob")])
    made = ask()
    from apps.identity.services import grant_role

    grant_role(user_id=bob.pk, role="preparer", entity_id=entity.pk, actor=system)
    revoke_role(user_id=bob.pk, role="approver", entity_id=entity.pk, actor=system)
    reader = User.objects.get(pk=bob.pk)
    assert isinstance(refusal_to_decide(made, reader), NotNamed)
    assert eligible_approvers(made) == inbox(reader) == []


# --- All of a role --------------------------------------------------------------------------


def test_all_of_a_role_is_everybody_who_took_no_part(
    define: Any, ask: Any, bob: Any, beth: Any, carl: Any
) -> None:
    define(stages=[of("approver", "all")])
    made = ask(conflicted=[beth])
    assert missing(made) == 2
    assert approve(made, bob) == PENDING
    assert missing(made) == 1
    assert approve(made, carl) == APPROVED


def test_all_of_a_role_needs_one_at_least(define: Any, ask: Any, bob: Any) -> None:
    define(stages=[of("approver", "all")])
    assert ask(conflicted=[bob]).status == BLOCKED


def test_who_decided_at_an_earlier_step_is_none_of_all(
    define: Any, ask: Any, bob: Any, carl: Any
) -> None:
    define(stages=[of("reviewer"), of("approver", "all")])
    made = ask()
    assert made.status == PENDING
    assert approve(made, carl) == PENDING
    assert approve(made, bob) == APPROVED


def test_who_leaves_is_not_waited_for(
    define: Any, ask: Any, bob: Any, beth: Any, carl: Any, ada: Any
) -> None:
    define(stages=[of("approver", "all")])
    made = ask()
    approve(made, bob)
    deactivate_user(user_id=beth.pk, actor=ada)
    assert approve(made, carl) == APPROVED


def test_when_the_last_who_is_waited_for_leaves_nothing_approves_itself(
    define: Any, ask: Any, bob: Any, beth: Any, ada: Any, entity: Any
) -> None:
    define(stages=[of("approver", "all")])
    made = ask()
    approve(made, bob)
    deactivate_user(user_id=beth.pk, actor=ada)
    assert recheck_requests(entity_id=entity.pk) == [made.pk]
    assert Request.objects.get(pk=made.pk).status == BLOCKED


# --- Told -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stage", "words"),
    [
        (of("approver"), "1 approver"),
        (of("approver", 2), "2 approvers"),
        (of("approver", "all"), "all approvers"),
        (named("bob", "beth"), "1 of beth, bob"),
        (named("bob", "beth", count="all"), "all of beth, bob"),
    ],
)
def test_a_stage_in_words(stage: dict[str, Any], words: str) -> None:
    assert stage_in_words(stage) == words


def test_the_page_says_whom_it_waits_for(
    define: Any, ask: Any, bob: Any, beth: Any, alice: Any
) -> None:
    define(stages=[named("bob", "beth", count="all")])
    made = ask()
    assert "It waits for all of beth, bob: Beth and Bob" in text_of(
        signed_in(alice).get(address(made))
    )
    assert "because the policy names you and took no part" in text_of(
        signed_in(bob).get(address(made))
    )


# --- Policies -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stages", "words"),
    [
        ([], "one to 10 stages"),
        ([of("approver")] * 11, "one to 10 stages"),
        ([{"role": "approver"}], "has a count, and either a role or people"),
        ([{"count": 1}], "has a count, and either a role or people"),
        ([of("approver") | named("bob")], "has a count, and either a role or people"),
        ([of("preparer")], "a role that decides nothing"),
        ([of("approver", 0)], "a count of at least 1"),
        ([of("approver", "some")], "a count of at least 1"),
        ([of("approver", True)], "a count of at least 1"),
        ([named()], "names nobody"),
        ([named("alice")], "names alice, who decides nothing here"),
        ([named("bob", "nobody")], "names nobody, who decides nothing here"),
        ([named("charlie")], "names charlie, who decides nothing here"),
        ([named("bob", count=2)], "Stages 1 need 2 different people, and name 1"),
        ([named("bob", "bob", count=2)], "Stages 1 need 2 different people, and name 1"),
        ([named("bob"), of("approver"), named("bob")], "Stages 1, 3 need 2 different people"),
    ],
)
def test_stages_that_would_not_work_are_refused(
    define: Any,
    alice: Any,
    bob: Any,
    charlie: Any,
    table_counts: Any,
    stages: Any,
    words: str,
    connie: Any,
) -> None:
    before = table_counts()
    with pytest.raises(PolicyInvalid, match=words):
        define(stages=stages)
    assert table_counts() == before


@pytest.mark.parametrize(
    ("stage", "status"),
    [
        (named("bob"), 201),
        (named("bob", count="all"), 201),
        (of("approver", "all"), 201),
        (named("alice"), 422),
        (of("approver", "some"), 422),
        (of("approver", 21), 422),
        (of("approver", 1.5), 422),
        ({"count": 1}, 422),
    ],
)
def test_stages_over_rest(
    api: Any, connie: Any, bob: Any, alice: Any, stage: dict[str, Any], status: int
) -> None:
    content = {"entity": "HFS", "item_type": "journal_entry", "stages": [stage]}
    answer = post(api(connie), POLICIES, content)
    assert answer.status_code == status, answer.json()
    assert Policy.objects.count() == (status == 201)
    if status == 201:
        assert answer.json()["stages"] == [stage]


def test_stages_in_the_admin(connie: Any, bob: Any, beth: Any, entity: Any) -> None:
    content = {
        "entity": entity.pk,
        "item_type": "journal_entry",
        "currency": "",
        "least_amount": "0",
        "stage_1_people": "bob, beth",
        "stage_1_count": "all",
        "stage_2_role": "controller",
        "due_after_hours": "24",
    }
    path = reverse("admin:approvals_policy_add")
    assert signed_in(connie).post(path, content).status_code == 302
    assert Policy.objects.get().stages == [named("bob", "beth", count="all"), of("controller")]
    refused = signed_in(connie).post(path, content | {"stage_1_role": "approver"})
    assert "either a role or people" in refused.content.decode()
