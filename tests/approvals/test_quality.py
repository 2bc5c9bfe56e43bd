"""How people review: openings are kept, and the figures tell what was done."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.utils import DatabaseError
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from apps.approvals.errors import DaysInvalid
from apps.approvals.models import Attachment, Decision, Opening, Request
from apps.approvals.rules import Evidence
from apps.approvals.selectors.quality import quality_report
from apps.approvals.services import (
    approve_many,
    attach,
    decide,
    hand_out_attachment,
    note_opening,
    withdraw,
)
from apps.common.errors import NotPermitted
from tests.approvals.conftest import subject
from tests.approvals.test_absence import today
from tests.approvals.test_could import past_guards
from tests.approvals.test_pages import address, signed_in, text_of

pytestmark = pytest.mark.django_db

QUALITY, PAGE = "/api/approvals/controls/quality", "/approvals/controls/quality/"


@pytest.fixture
def beth(person: Any, entity: Any) -> Any:
    return person("beth", "approver", on=entity)


def verdict(request: Request, actor: Any, word: str = "approve", **facts: Any) -> None:
    decide(
        request_id=request.pk,
        verdict=word,
        comment="x",
        attested=True,
        expected_version=Request.objects.get(pk=request.pk).version,
        actor=actor,
        **facts,
    )


def opened(request: Request, actor: Any, seconds: float) -> None:
    """As if he had opened it so long ago."""
    note_opening(Request.objects.get(pk=request.pk), actor=actor)
    at = timezone.now() - timedelta(seconds=seconds)
    past_guards(
        "approvals_opening",
        "UPDATE approvals_opening SET opened_at = %s WHERE request_id = %s",
        at,
        request.pk,
    )


def report(entity: Any, actor: Any, **facts: Any) -> Any:
    return quality_report(entity, today(), today(), actor=actor, **facts)


# --- Openings -----------------------------------------------------------------------------------


def test_who_decides_there_is_noted_once_for_each_version(
    define: Any, ask: Any, bob: Any, alice: Any
) -> None:
    define()
    made = ask()
    browser = signed_in(bob)
    assert browser.head(address(made)).status_code == 200
    assert not Opening.objects.exists()
    for _ in range(2):
        browser.get(address(made))
    assert [(one.person, one.version) for one in Opening.objects.all()] == [(bob, 1)]
    words = Evidence.in_words("explanation", "See page 3.")
    attach(request_id=made.pk, evidence=words, actor=alice)
    browser.get(address(made))
    assert [one.version for one in Opening.objects.all()] == [1, 2]


def test_nobody_else_is_noted_and_nothing_once_it_is_over(
    define: Any, ask: Any, bob: Any, alice: Any, otto: Any, connie: Any
) -> None:
    define()
    made = ask()
    for reader in (alice, otto):
        assert signed_in(reader).get(address(made)).status_code == 200
    assert not Opening.objects.exists()
    withdraw(request_id=made.pk, reason="x", expected_version=1, actor=alice)
    assert signed_in(connie).get(address(made)).status_code == 200
    assert not Opening.objects.exists()


def test_what_is_shown_after_a_refusal_counts_as_opened(
    define: Any, ask: Any, bob: Any, alice: Any
) -> None:
    define()
    made = ask()
    attach(
        request_id=made.pk, evidence=Evidence.in_words("explanation", "See page 3."), actor=alice
    )
    facts = {"verdict": "approve", "comment": "", "expected_version": "1"}
    assert signed_in(bob).post(address(made), facts).status_code == 409
    assert Opening.objects.get().version == 2


def test_an_opening_stays_as_it_is(define: Any, ask: Any, bob: Any) -> None:
    define()
    note_opening(ask(), actor=bob)
    with pytest.raises((DatabaseError, IntegrityError)), transaction.atomic():
        Opening.objects.update(version=9)
    assert str(Opening.objects.get()).endswith(f"version 1, by {bob.pk}")


# --- Figures ------------------------------------------------------------------------------------


def test_time_is_from_the_first_opening_of_what_he_decided_on(
    define: Any, ask: Any, bob: Any, beth: Any, alice: Any, entity: Any, otto: Any
) -> None:
    define()
    made, other = ask(), ask(subject(1))
    opened(made, bob, 1000)
    words = Evidence.in_words("explanation", "See page 3.")
    attach(request_id=made.pk, evidence=words, actor=alice)
    note_opening(Request.objects.get(pk=made.pk), actor=bob)
    past_guards(
        "approvals_opening",
        "UPDATE approvals_opening SET opened_at = %s WHERE version = 2",
        timezone.now() - timedelta(seconds=100),
    )
    verdict(made, bob)
    verdict(other, bob)  # over REST: nothing is on record
    (told,) = report(entity, otto).people
    assert told.person == bob
    assert (told.quality.decisions, told.quality.timed) == (2, 1)
    assert told.quality.middle_time is not None
    assert 99 < told.quality.middle_time.total_seconds() < 130


def test_what_he_never_opened_is_counted(
    define: Any, ask: Any, bob: Any, alice: Any, entity: Any, otto: Any
) -> None:
    define()
    made = ask()
    for text in ("One.", "Two.", "Three."):
        words = Evidence.in_words("explanation", text)
        attach(request_id=made.pk, evidence=words, actor=alice)
    first, second, _ = Attachment.objects.order_by("pk")
    hand_out_attachment(attachment_id=first.pk, actor=bob)
    hand_out_attachment(attachment_id=first.pk, actor=bob)
    hand_out_attachment(attachment_id=second.pk, actor=otto)
    opened(made, bob, 10)
    own = [Evidence.in_words("explanation", "My own.")]
    verdict(made, bob, evidence=own)
    hand_out_attachment(attachment_id=second.pk, actor=bob)  # after he had decided
    quality = report(entity, otto).everybody
    assert (quality.there, quality.unopened) == (3, 2)
    assert (quality.timed_approvals, quality.waved_through) == (1, 0)


@pytest.mark.parametrize(
    ("word", "seconds", "quick", "waved"),
    [
        ("approve", 5, 30, 1),
        ("approve", 50, 30, 0),
        ("approve", 50, 60, 1),
        ("reject", 5, 30, 0),
    ],
)
def test_a_quick_approval_without_a_look_is_waved_through(
    define: Any, ask: Any, bob: Any, alice: Any, entity: Any, otto: Any, word: str, seconds: int,
    quick: int, waved: int,
) -> None:  # fmt: skip
    define()
    made = ask()
    attach(request_id=made.pk, evidence=Evidence.in_words("explanation", "One."), actor=alice)
    opened(made, bob, seconds)
    verdict(made, bob, word)
    quality = report(entity, otto, quick_seconds=quick).everybody
    assert quality.waved_through == waved
    assert quality.timed_approvals == (word == "approve")


def test_what_was_not_looked_at_is_told_by_its_door(
    api: Any, define: Any, ask: Any, bob: Any, connie: Any, otto: Any, entity: Any
) -> None:
    define(bulk_allowed=True)
    over_rest, in_bulk, by_program, on_page, looked_at = (ask(subject(n)) for n in range(5))
    word = {"verdict": "approve", "comment": "", "attested": False, "expected_version": 1}
    where = "/api/approvals/requests"
    assert api(bob).post(f"{where}/{over_rest.pk}/decide", word, format="json").status_code == 200
    assert approve_many(versions={in_bulk.pk: 1}, actor=bob)[0].is_approved
    verdict(by_program, bob)
    opened(looked_at, bob, 5)
    assert api(bob).post(f"{where}/{looked_at.pk}/decide", word, format="json").status_code == 200
    browser = signed_in(bob)
    browser.get(address(on_page))
    browser.post(address(on_page), word)
    doors = Decision.objects.order_by("request_id").values_list("door", flat=True)
    assert list(doors) == ["rest", "bulk", "", "page", "rest"]
    made = report(entity, connie).everybody
    assert made.unseen == (("", 1), ("bulk", 1), ("rest", 1))
    assert (made.decisions, made.timed, made.unseen_count) == (5, 2, 3)
    assert made.timed_approvals == 2  # the rate of those waved through is of these alone
    told = api(otto).get(QUALITY, days()).json()
    assert told["everybody"]["unseen"] == {"": 1, "bulk": 1, "rest": 1}
    page = text_of(signed_in(otto).get(PAGE, days()))
    assert "3 decisions were made without opening the request" in page
    assert "3: 1 not on record how, 1 in bulk, 1 over REST" in page


def test_people_days_and_entities_are_kept_apart(
    define: Any, ask: Any, bob: Any, beth: Any, entity: Any, otto: Any, other_entity: Any,
    charlie: Any,
) -> None:  # fmt: skip
    define(stages=[{"role": "approver", "count": 2}])
    made = ask()
    opened(made, bob, 10)
    verdict(made, bob)
    verdict(made, beth)
    found = report(entity, otto)
    assert [one.person for one in found.people] == [beth, bob]
    assert [one.quality.timed for one in found.people] == [0, 1]
    assert report(other_entity, charlie).people == ()
    tomorrow = today() + timedelta(days=1)
    assert quality_report(entity, tomorrow, tomorrow, actor=otto).people == ()
    with pytest.raises(DaysInvalid):
        quality_report(entity, tomorrow, today(), actor=otto)
    for stranger in (bob, charlie):
        with pytest.raises(NotPermitted):
            report(entity, stranger)


def test_it_takes_the_same_queries_however_much_there_is(
    define: Any, ask: Any, bob: Any, alice: Any, entity: Any, otto: Any
) -> None:
    define()

    def one_more(number: int) -> None:
        made = ask(subject(number))
        attach(request_id=made.pk, evidence=Evidence.in_words("explanation", "1."), actor=alice)
        verdict(made, bob)

    def queries() -> int:
        with CaptureQueriesContext(connection) as run:
            report(entity, otto)
        return len(run)

    one_more(0)
    queries()  # whoever asks is looked up once
    first = queries()
    for number in range(1, 5):
        one_more(number)
    assert queries() == first == 4


# --- Doors --------------------------------------------------------------------------------------


def days(**facts: str) -> dict[str, str]:
    return {"entity": "HFS", "starts_on": str(today()), "ends_on": str(today())} | facts


def test_rest_tells_the_figures(
    api: Any, define: Any, ask: Any, bob: Any, entity: Any, otto: Any, alice: Any, charlie: Any
) -> None:
    define()
    made = ask()
    opened(made, bob, 10)
    verdict(made, bob)
    found = api(otto).get(QUALITY, days())
    assert found.status_code == 200, found.data
    assert (found.data["quick_seconds"], found.data["everybody"]["waved_through"]) == (30, 1)
    (told,) = found.data["people"]
    assert (told["person"], told["quality"]["decisions"]) == ("bob", 1)
    assert 9 <= told["quality"]["middle_seconds"] < 30
    assert api(otto).get(QUALITY, days(quick_seconds="0")).status_code == 422
    assert api(otto).get(QUALITY, days(ends_on="2020-01-01")).status_code == 422
    assert api(alice).get(QUALITY, days()).status_code == 403
    assert api(charlie).get(QUALITY, days()).status_code == 404


def test_the_page_shows_them_with_what_they_are(
    define: Any, ask: Any, bob: Any, beth: Any, entity: Any, otto: Any, alice: Any
) -> None:
    define()
    browser = signed_in(otto)
    assert "Nobody decided on anything" in text_of(browser.get(PAGE))  # in the latest days
    first, second = ask(), ask(subject(1))
    verdict(second, beth)
    text = text_of(browser.get(PAGE, days()))
    assert "No approval has an opening on record; there was no evidence to open." in text
    assert "1 decision was made without opening the request." in text
    attach(request_id=first.pk, evidence=Evidence.in_words("explanation", "One."), actor=alice)
    opened(first, bob, 10)
    verdict(first, bob)
    text = text_of(browser.get(PAGE, days()))
    assert (
        "1 of 1 approval was waved through within 30 s; 1 of 1 piece of evidence was not opened."
        in text
    )
    assert "Pauses are in it." in text
    later = text_of(browser.get(PAGE, days(quick_seconds="2")))
    assert "0 of 1 approval were waved through within 2 s" in later
    past_guards(
        "approvals_opening", "UPDATE approvals_opening SET opened_at = opened_at - interval '1 h'"
    )
    assert "1h" in text_of(browser.get(PAGE, days())).replace("\N{NO-BREAK SPACE}", "").replace(
        " ", ""
    )
    assert browser.get(PAGE, days(ends_on="2020-01-01")).status_code == 422
    assert browser.get(PAGE, days(quick_seconds="x")).status_code == 422
    assert signed_in(alice).get(PAGE, days()).status_code == 403


def test_the_admin_shows_openings(define: Any, ask: Any, bob: Any, connie: Any) -> None:
    define()
    note_opening(ask(), actor=bob)
    for where in ("", f"{Opening.objects.get().pk}/change/"):
        page = signed_in(connie).get(f"/admin/approvals/opening/{where}", follow=True)
        assert page.status_code == 200
        assert "Bank, April 2023" in page.content.decode()


def test_the_controls_lead_to_it(otto: Any, entity: Any) -> None:
    assert PAGE in signed_in(otto).get(reverse("approvals:duties")).content.decode()
