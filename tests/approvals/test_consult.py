"""Asking somebody without a seat: he answers, he sees this request alone, and he took part."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, transaction

from apps.approvals.errors import (
    AlreadyDecidedByActor,
    CommentMissing,
    NotAsked,
    OwnWork,
    RoleMissing,
)
from apps.approvals.models import Attachment, Consultation, Notice, Opinion, Request
from apps.approvals.rules import Evidence
from apps.approvals.selectors import (
    earlier_rounds,
    inbox,
    notices_for,
    open_questions,
    questions_for,
    record_of,
    refusal_to_decide,
    requests_seen_by,
)
from apps.approvals.selectors.evidence import attachments_seen_by
from apps.approvals.services import (
    answer,
    attach,
    consult,
    decide,
    hand_out_attachment,
    withdraw,
)
from apps.approvals.states import RequestStatus
from apps.common.errors import IllegalMove, NotPermitted, NotVisible, Refusal, StaleVersion
from apps.identity.models import User
from apps.identity.services import deactivate_user, grant_role
from tests.approvals.conftest import OTHER_HASH, subject
from tests.approvals.test_races import Call, race, sorted_out
from tests.approvals.test_revoke import approve

NOTE = Evidence.in_words("explanation", "Timing differences.")


@pytest.fixture
def waiting(define: Any, ask: Any, bob: Any) -> Request:
    define()
    made: Request = ask()
    return made


def put(request: Request, person: Any, actor: Any, **facts: Any) -> Consultation:
    wanted = {"question": "Is the rate right?", "actor": actor} | facts
    return consult(request_id=request.pk, person_id=person.pk, **wanted)


def test_a_question_is_asked_and_answered_and_both_stay(
    waiting: Request, bob: Any, rita: Any
) -> None:
    asked = put(waiting, rita, bob, expected_version=1)
    waiting.refresh_from_db()
    assert (waiting.version, waiting.status) == (2, RequestStatus.PENDING)
    assert open_questions(waiting) == [asked]
    assert list(questions_for(rita)) == [asked]
    assert Notice.objects.get(kind="consulted").person == rita
    given = answer(consultation_id=asked.pk, text="It is.", actor=rita, expected_version=2)
    waiting.refresh_from_db()
    assert (waiting.version, open_questions(waiting)) == (3, [])
    assert not questions_for(rita).exists()
    assert Notice.objects.get(kind="answered").person == bob
    told = [event.details for event in record_of(waiting)[:2]]
    assert told == [
        {"consultation": asked.pk, "text": "It is."},
        {"consultation": asked.pk, "person": rita.pk, "question": "Is the rate right?"},
    ]
    assert (str(asked), str(given)) == ("question to Rita", f"answer to question {asked.pk}")
    for change in (
        Consultation.objects.all().delete,
        lambda: Consultation.objects.update(question="other"),
        lambda: Opinion.objects.update(text="other"),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()


def test_the_request_stays_decidable(waiting: Request, bob: Any, rita: Any) -> None:
    put(waiting, rita, bob)
    waiting.refresh_from_db()
    assert approve(waiting, bob).status == RequestStatus.APPROVED
    assert not questions_for(rita).exists()


@pytest.mark.parametrize("is_answered", [False, True])
def test_whoever_is_asked_took_part_and_never_decides(
    waiting: Request, bob: Any, rita: Any, entity: Any, system: Any, is_answered: bool
) -> None:
    asked = put(waiting, rita, bob)
    if is_answered:
        answer(consultation_id=asked.pk, text="It is.", actor=rita)
    grant_role(user_id=rita.pk, role="approver", entity_id=entity.pk, actor=system)
    reader = User.objects.get(pk=rita.pk)
    waiting.refresh_from_db()
    assert isinstance(refusal_to_decide(waiting, reader), OwnWork)
    assert inbox(reader) == []
    with pytest.raises(OwnWork):
        approve(waiting, reader)


def test_who_took_part_may_be_asked_and_is_noted_once(
    waiting: Request, alice: Any, bob: Any, rita: Any
) -> None:
    first = put(waiting, alice, bob)
    answer(consultation_id=first.pk, text="Yes.", actor=alice)
    put(waiting, alice, bob, question="And the date?")
    put(waiting, rita, bob)
    assert waiting.conflicts.filter(user=rita).count() == 1
    assert not waiting.conflicts.filter(user=alice).exists()  # the maker is one without a note


# --- What he sees ----------------------------------------------------------------------------


def test_somebody_of_another_company_sees_this_request_alone(
    define: Any, ask: Any, alice: Any, bob: Any, charlie: Any
) -> None:
    define()
    former = ask()
    withdraw(request_id=former.pk, reason="x", actor=alice)
    made, other = ask(subject_hash=OTHER_HASH), ask(subject(1))
    note = attach(request_id=made.pk, evidence=NOTE, actor=alice)
    attach(request_id=other.pk, evidence=NOTE, actor=alice)
    made.refresh_from_db()
    assert list(requests_seen_by(charlie)) == []
    with pytest.raises(NotVisible):
        hand_out_attachment(attachment_id=note.pk, actor=charlie)
    put(made, charlie, bob)
    assert list(requests_seen_by(charlie)) == [made]
    assert list(attachments_seen_by(charlie)) == [note]
    assert hand_out_attachment(attachment_id=note.pk, actor=charlie)[0] == note
    assert earlier_rounds(made, charlie) == []
    assert earlier_rounds(made, bob) == [former]
    assert [notice.kind for notice in notices_for(charlie)] == ["consulted"]


def test_whoever_is_asked_can_do_nothing_else_there(
    waiting: Request, bob: Any, charlie: Any, table_counts: Any
) -> None:
    put(waiting, charlie, bob)
    waiting.refresh_from_db()
    before = table_counts()
    with pytest.raises(NotPermitted):
        approve(waiting, charlie)
    with pytest.raises(NotPermitted):
        withdraw(request_id=waiting.pk, reason="x", actor=charlie)
    with pytest.raises(NotPermitted):
        attach(request_id=waiting.pk, evidence=NOTE, actor=charlie)
    with pytest.raises(NotPermitted):
        put(waiting, bob, charlie)
    assert (table_counts(), Attachment.objects.count()) == (before, 0)


def test_strangers_who_are_not_signed_in_see_nothing(waiting: Request) -> None:
    from django.contrib.auth.models import AnonymousUser

    assert not Request.objects.visible_to(AnonymousUser()).exists()


# --- Refusals --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "whom", "changes", "refusal", "words"),
    [
        ("charlie", "rita", {}, NotVisible, ""),
        ("otto", "rita", {}, NotPermitted, ""),
        ("alice", "rita", {}, NotPermitted, ""),
        ("rita", "otto", {}, RoleMissing, ""),
        ("bob", "rita", {"expected_version": 2}, StaleVersion, ""),
        ("bob", "rita", {"question": " "}, CommentMissing, "Write what you would like to know"),
        ("bob", "bob", {}, NotAsked, "Bob has a seat and decides himself"),
        ("bob", "bella", {}, NotAsked, "Bella has a seat and decides himself"),
        ("bob", "connie", {}, NotAsked, "Connie has a seat"),  # at the next step
        ("bob", "victor", {}, NotAsked, "Victor may not look at requests"),
        ("bob", "gone", {}, NotAsked, "There is nobody"),
        ("bob", "otto", {}, NotAsked, "Otto has not answered your last question"),
    ],
)
def test_refusals_change_nothing(
    request: pytest.FixtureRequest,
    define: Any,
    ask: Any,
    bob: Any,
    otto: Any,
    connie: Any,
    person: Any,
    entity: Any,
    system: Any,
    table_counts: Any,
    who: str,
    whom: str,
    changes: dict[str, Any],
    refusal: type[Refusal],
    words: str,
) -> None:
    bella = person("bella", "approver", on=entity)
    gone = person("gone", "auditor", on=entity)
    deactivate_user(user_id=gone.pk, actor=system)
    define(stages=[{"role": "approver", "count": 1}, {"role": "controller", "count": 1}])
    made = ask()
    if whom == "otto" and who == "bob":
        put(made, otto, bob)
    names = {"bella": bella, "gone": gone}
    actor, other = (names.get(one) or request.getfixturevalue(one) for one in (who, whom))
    before = table_counts()
    with pytest.raises(refusal, match=words or None):
        put(made, other, actor, **changes)
    assert table_counts() == before


def test_who_decided_is_not_asked_and_asks_nobody(
    define: Any, ask: Any, bob: Any, rita: Any, connie: Any, table_counts: Any
) -> None:
    define(stages=[{"role": "approver", "count": 1}, {"role": "controller", "count": 1}])
    made = ask()
    approve(made, bob)
    before = table_counts()
    with pytest.raises(NotAsked, match="Bob has decided on it"):
        put(made, bob, connie)
    with pytest.raises(AlreadyDecidedByActor):
        put(made, rita, bob)
    assert table_counts() == before


def test_nobody_is_asked_about_what_is_decided(
    waiting: Request, bob: Any, rita: Any, otto: Any, table_counts: Any
) -> None:
    asked = put(waiting, rita, bob)
    decide(
        request_id=waiting.pk,
        verdict="reject",
        comment="x",
        attested=False,
        expected_version=2,
        actor=bob,
    )
    before = table_counts()
    with pytest.raises(IllegalMove):
        put(waiting, otto, bob)
    with pytest.raises(IllegalMove, match="no opinion is needed"):
        answer(consultation_id=asked.pk, text="x", actor=rita)
    assert table_counts() == before


@pytest.mark.parametrize(
    ("who", "changes", "refusal"),
    [
        ("charlie", {}, NotVisible),
        ("rita", {"consultation_id": 0}, NotVisible),
        ("bob", {}, NotPermitted),
        ("alice", {}, NotPermitted),
        ("rita", {"text": " "}, CommentMissing),
        ("rita", {"expected_version": 1}, StaleVersion),
    ],
)
def test_refused_answers_change_nothing(
    request: pytest.FixtureRequest,
    waiting: Request,
    bob: Any,
    rita: Any,
    table_counts: Any,
    who: str,
    changes: dict[str, Any],
    refusal: type[Refusal],
) -> None:
    asked = put(waiting, rita, bob)
    actor = request.getfixturevalue(who)
    before = table_counts()
    with pytest.raises(refusal):
        answer(**({"consultation_id": asked.pk, "text": "Yes.", "actor": actor} | changes))
    assert table_counts() == before


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("size", [2, 8])
def test_one_answer_is_given_however_often_it_is_sent(
    waiting: Request, bob: Any, rita: Any, size: int
) -> None:
    asked = put(waiting, rita, bob)
    give: Call = lambda: answer(  # noqa: E731
        consultation_id=asked.pk, text="Yes.", actor=User.objects.get(pk=rita.pk)
    )
    done, refusals = sorted_out(race([give] * size))
    assert (len(done), len(refusals)) == (1, size - 1)
    assert {one.code for one in refusals} == {"ILLEGAL_MOVE"}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("size", [2, 8])
def test_one_question_of_several_that_are_asked_at_once(
    waiting: Request, bob: Any, rita: Any, size: int
) -> None:
    ask: Call = lambda: put(  # noqa: E731
        waiting, rita, User.objects.get(pk=bob.pk), expected_version=1
    )
    done, refusals = sorted_out(race([ask] * size))
    assert (len(done), len(refusals)) == (1, size - 1)
    assert Consultation.objects.count() == waiting.conflicts.filter(user=rita).count() == 1
