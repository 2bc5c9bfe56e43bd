"""What controllers and auditors ask, over REST and on pages."""

from __future__ import annotations

import csv
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.approvals.models import Decision, Request, Waiver
from apps.approvals.services import decide
from tests.approvals.conftest import subject
from tests.approvals.test_absence import today
from tests.approvals.test_pages import address, signed_in, text_of

pytestmark = pytest.mark.django_db

CANDIDATES = "/api/approvals/controls/candidates"
COULD = "/approvals/controls/could/"
DUTIES, DUTIES_PAGE = "/api/approvals/controls/duties", "/approvals/controls/duties/"


@pytest.fixture
def asked(define: Any, ask: Any, bob: Any) -> Request:
    define()
    made: Request = ask()
    return made


def now() -> str:
    return timezone.now().isoformat()


# --- Who could have approved --------------------------------------------------------------------


def test_rest_tells_who_could_have_approved_a_request(
    api: Any, asked: Request, otto: Any, rita: Any
) -> None:
    found = api(otto).get(CANDIDATES, {"request": asked.pk, "at": now()})
    assert found.status_code == 200, found.data
    assert (found.data["entity"], found.data["policy"]) == ("HFS", asked.policy_id)
    assert found.data["standing"] == "It waited for 1 approver."
    assert [(one["person"], one["could"], one["code"]) for one in found.data["candidates"]] == [
        ("bob", True, ""),
        ("alice", False, "OWN_WORK"),
        ("connie", False, "ROLE_MISSING"),
        ("rita", False, "ROLE_MISSING"),
    ]


def test_rest_tells_it_of_what_nobody_asked_for(api: Any, asked: Request, connie: Any) -> None:
    wanted = {"entity": "HFS", "item_type": "reconciliation", "at": now()}
    found = api(connie).get(CANDIDATES, wanted)
    assert [one["person"] for one in found.data["candidates"] if one["could"]] == ["bob"]
    own = api(connie).get(CANDIDATES, {**wanted, "maker": "bob"})
    assert own.data["candidates"][0]["why"] == "had made it"
    none = api(connie).get(CANDIDATES, {**wanted, "item_type": "write_off"})
    assert (none.data["policy"], none.data["candidates"]) == (None, [])


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 422),
        ({"at": "soon", "request": "1"}, 422),
        ({"at": "2023-04-30T12:00:00Z"}, 422),
        ({"at": "2023-04-30T12:00:00Z", "entity": "HFS"}, 422),
        ({"at": "2023-04-30T12:00:00Z", "entity": "TKO", "item_type": "x"}, 404),
        ({"at": "2023-04-30T12:00:00Z", "request": "0"}, 422),
        ({"at": "2023-04-30T12:00:00Z", "request": "999999"}, 404),
        ({"at": "2999-04-30T12:00:00Z", "entity": "HFS", "item_type": "x"}, 422),
        (
            {"at": "2023-04-30T12:00:00Z", "entity": "HFS", "item_type": "x", "request": "1"},
            422,
        ),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(
    api: Any, otto: Any, other_entity: Any, query: dict[str, str], status: int
) -> None:
    assert api(otto).get(CANDIDATES, query).status_code == status


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("connie", 200),
        ("otto", 200),
        ("bob", 403),
        ("alice", 403),
        ("victor", 403),
        ("charlie", 404),
    ],
)
def test_who_may_ask(request: Any, api: Any, asked: Request, name: str, status: int) -> None:
    user = request.getfixturevalue(name)
    wanted = {"request": asked.pk, "at": now()}
    assert api(user).get(CANDIDATES, wanted).status_code == status
    page = signed_in(user).get(reverse("approvals:could", args=[asked.pk]))
    assert page.status_code == status
    assert signed_in(user).get(COULD).status_code == (200 if status == 404 else status)


def test_the_page_of_a_request_leads_to_who_could(asked: Request, otto: Any, bob: Any) -> None:
    where = reverse("approvals:could", args=[asked.pk])
    assert where in signed_in(otto).get(address(asked)).content.decode()
    assert where not in signed_in(bob).get(address(asked)).content.decode()
    at = timezone.localtime() + timedelta(seconds=2)
    Request.objects.filter(pk=asked.pk).update(requested_at=timezone.now() - timedelta(hours=1))
    text = text_of(signed_in(otto).get(where))
    assert "1 of 3 people could have approved Bank, April 2023" in text
    assert "It waited for 1 approver." in text
    before = signed_in(otto).get(where, {"at": "2023-04-30T12:00"})
    assert "It had not been asked for yet" in text_of(before)
    later = signed_in(otto).get(where, {"at": (at + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")})
    assert later.status_code == 422
    assert "This instant has not come yet." in text_of(later)
    assert signed_in(otto).get(where, {"at": "soon"}).status_code == 422


def test_when_nobody_could_the_page_says_so(
    asked: Request, otto: Any, bob: Any, system: Any
) -> None:
    from apps.approvals.services import recheck_requests
    from apps.identity.services import deactivate_user

    deactivate_user(user_id=bob.pk, actor=system)
    where = reverse("approvals:could", args=[asked.pk])
    text = text_of(signed_in(otto).get(where, {"at": _local()}))
    assert "Nobody could have approved Bank, April 2023" in text
    recheck_requests(entity_id=asked.entity_id)
    text = text_of(signed_in(otto).get(where, {"at": _local()}))
    assert "Nobody could decide on it: nobody can approve." in text


def _local() -> str:
    return timezone.localtime(timezone=asked_zone()).strftime("%Y-%m-%dT%H:%M:%S.%f")


def asked_zone() -> Any:
    from zoneinfo import ZoneInfo

    return ZoneInfo("Europe/Amsterdam")


def test_the_page_of_any_request_asks_and_answers(asked: Request, connie: Any) -> None:
    browser = signed_in(connie)
    assert "Name an instant" in text_of(browser.get(COULD))
    wanted = {"entity": "HFS", "item_type": "reconciliation", "at": "2023-04-30T12:00"}
    none = browser.get(COULD, wanted)
    assert "No policy that was in force then asked for an approval." in text_of(none)
    found = browser.get(COULD, {**wanted, "at": _local()})
    assert "could have approved Any reconciliation" in text_of(found)
    half = browser.get(COULD, {**wanted, "amount": "5"})
    assert (half.status_code, half.context["found"]) == (422, None)
    strange = browser.get(COULD, {**wanted, "entity": "TKO"})
    assert strange.status_code == 422


def test_lists_lead_to_the_controls_for_whoever_may_ask(connie: Any, bob: Any) -> None:
    assert COULD in signed_in(connie).get("/approvals/all/").content.decode()
    assert COULD not in signed_in(bob).get("/approvals/all/").content.decode()


# --- Who did both sides -------------------------------------------------------------------------


def days() -> dict[str, str]:
    return {"entity": "HFS", "starts_on": str(today()), "ends_on": str(today())}


@pytest.fixture
def broken(define: Any, ask: Any, rita: Any) -> Request:
    """A decision that no service would have taken, on something named like a formula."""
    define(stages=[{"role": "reviewer", "count": 1}])
    made: Request = ask(
        title="=cmd()", conflicted=[rita], amount=Decimal("-1240.5"), currency="EUR"
    )
    Decision.objects.create(
        request=made, approver=rita, verdict="approve", stage=0, role_at_time="reviewer",
        subject_hash="a" * 64,
    )  # fmt: skip
    ask(subject(1), maker=rita, actor=rita)
    return made


def test_rest_reports_who_did_both_sides(api: Any, broken: Request, otto: Any) -> None:
    found = api(otto).get(DUTIES, days())
    assert found.status_code == 200, found.data
    (violation,) = found.data["violations"]
    assert (violation["request"], violation["person"], violation["amount"]) == (
        broken.pk,
        "rita",
        "-1240.50",
    )
    pair = found.data["pairs"][0]
    assert (pair["person"], pair["duties"], pair["did"]) == ("rita", "prepare_decide", True)
    assert (pair["first"]["number"], pair["second"]["amounts"]) == (1, {"EUR": "1240.50"})
    assert pair["could_by"] == ["reviewer"]


@pytest.mark.parametrize(
    ("name", "change", "status"),
    [
        ("otto", {"ends_on": "2020-01-01"}, 422),
        ("otto", {"entity": "TKO"}, 404),
        ("otto", {"starts_on": "x"}, 422),
        ("otto", {"extra": "1"}, 422),
        ("alice", {}, 403),
        ("charlie", {}, 404),
    ],
)
def test_the_report_is_refused(
    request: Any, api: Any, entity: Any, name: str, change: dict[str, str], status: int
) -> None:
    user = request.getfixturevalue(name)
    assert api(user).get(DUTIES, days() | change).status_code == status
    page = signed_in(user).get(DUTIES_PAGE, days() | change)
    assert page.status_code == (403 if status == 403 else 200 if "extra" in change else 422)


def test_the_page_answers_and_leads_to_the_documents(broken: Request, otto: Any) -> None:
    browser = signed_in(otto)
    latest = browser.get(DUTIES_PAGE)  # without a question: the latest days
    assert "1 decision of somebody who had a hand in the subject." in text_of(latest)
    assert "as=csv" in latest.content.decode()
    page = browser.get(DUTIES_PAGE, days())
    text = text_of(page)
    assert "1 decision of somebody who had a hand in the subject. 1 pair of duties was done" in text
    assert "Rita did both" in text
    assert "once, 1,240.50 EUR" in text
    assert address(broken) in page.content.decode()
    assert "as=csv" in page.content.decode()


def test_the_file_holds_the_same_and_no_formula(broken: Request, otto: Any) -> None:
    answer = signed_in(otto).get(DUTIES_PAGE, {**days(), "as": "csv"})
    assert answer["Content-Disposition"] == (
        f'attachment; filename="both-sides-HFS-{today()}-{today()}.csv"'
    )
    rows = list(csv.reader(StringIO(answer.content.decode("utf-8-sig"))))
    assert rows[0][:2] == ["finding", "person"]
    assert rows[1][:7] == [
        "same document", "rita", "had a hand in it", "approve as reviewer", "'=cmd()", "-1240.50",
        "EUR",
    ]  # fmt: skip
    assert rows[2][:4] == [
        "did both", "rita", "ask for approvals: once", "decide on them: once, 1,240.50 EUR",
    ]  # fmt: skip
    assert {row[0] for row in rows[3:]} <= {"could do both"}


def test_a_quiet_month_says_so(entity: Any, otto: Any) -> None:
    text = text_of(signed_in(otto).get(DUTIES_PAGE, days()))
    assert "Nobody decided on what he had a hand in. 0 pairs of duties were done" in text
    assert "Nobody held roles for both of two duties." in text


# --- Waivers ------------------------------------------------------------------------------------

WAIVERS, WAIVERS_PAGE = "/api/approvals/waivers", "/approvals/controls/waivers/"


def wanted(**facts: str) -> dict[str, str]:
    return {
        "entity": "HFS",
        "person": "bob",
        "item_type": "reconciliation",
        "reason": "Two of us are ill.",
        "compensating_control": "Otto looks at each.",
        "starts_on": str(today()),
        "ends_on": str(today()),
    } | facts


def test_a_waiver_over_rest(
    api: Any, bob: Any, connie: Any, person: Any, entity: Any, otto: Any, charlie: Any
) -> None:
    carl = person("carl", "controller", on=entity)
    made = api(connie).post(WAIVERS, wanted(), format="json")
    assert made.status_code == 201, made.data
    assert (made.data["state"], made.data["proposed_by"], made.data["signed_by"]) == (
        "proposed",
        "connie",
        None,
    )
    where = f"{WAIVERS}/{made.data['id']}"
    assert api(connie).post(f"{where}/sign").status_code == 403
    assert api(charlie).post(f"{where}/sign").status_code == 404
    assert api(carl).post(f"{where}/sign").data["state"] == "signed"
    assert [one["id"] for one in api(otto).get(WAIVERS, {"person": "bob"}).data["results"]] == [
        made.data["id"]
    ]
    assert api(carl).post(f"{where}/revoke", {}, format="json").status_code == 422
    ended = api(carl).post(f"{where}/revoke", {"reason": "Back."}, format="json")
    assert (ended.data["state"], ended.data["revoked_by"]) == ("revoked", "carl")


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        ({"person": "nobody"}, 422),
        ({"conflict": "made_it"}, 422),
        ({"item_type": "Any thing"}, 422),
        ({"ends_on": "2020-01-01"}, 422),
        ({"entity": "TKO"}, 404),
        ({"extra": "1"}, 422),
    ],
)
def test_a_proposal_that_makes_no_sense_is_refused_over_rest(
    api: Any, bob: Any, connie: Any, other_entity: Any, facts: dict[str, str], status: int,
    unchanged: None,
) -> None:  # fmt: skip
    assert api(connie).post(WAIVERS, wanted(**facts), format="json").status_code == status


def test_whoever_may_sign_second_finds_a_notice(
    api: Any, client: Any, person: Any, entity: Any, bob: Any, connie: Any
) -> None:
    carl = person("carl", "controller", on=entity)
    made = api(connie).post(WAIVERS, wanted(), format="json")
    rows = api(carl).get("/api/approvals/notices").json()["results"]
    assert [(one["waiver"], one["request"], one["title"]) for one in rows] == [
        (made.json()["id"], None, "Waiver for reconciliation")
    ]
    client.force_login(carl)
    page = client.get(reverse("approvals:notices"))
    assert "A waiver waits for a second signature" in text_of(page)
    assert reverse("approvals:waivers") in page.content.decode()
    assert signed_in(connie).get(reverse("admin:approvals_notice_changelist")).status_code == 200


def test_a_waiver_on_pages(
    asked: Request, bob: Any, connie: Any, person: Any, entity: Any, otto: Any, rita: Any
) -> None:
    carl, new = person("carl", "controller", on=entity), f"{WAIVERS_PAGE}new/"
    assert "No waiver was ever proposed" in text_of(signed_in(otto).get(WAIVERS_PAGE))
    assert "Somebody else has to sign, too" in text_of(signed_in(connie).get(new))
    assert signed_in(connie).post(new, {}).status_code == 422
    late = signed_in(connie).post(new, wanted(ends_on="2020-01-01"))
    assert (late.status_code, "last day is before" in text_of(late)) == (422, True)
    assert signed_in(rita).get(new).status_code == 403
    assert signed_in(connie).post(new, wanted()).status_code == 302
    waiver = Waiver.objects.get()
    sign = reverse("approvals:sign-waiver", args=[waiver.pk])
    revoke = reverse("approvals:revoke-waiver", args=[waiver.pk])
    own = signed_in(connie).get(WAIVERS_PAGE).content.decode()
    assert (sign in own, revoke in own) == (False, True)
    theirs = signed_in(carl).get(WAIVERS_PAGE)
    assert sign in theirs.content.decode()
    assert "Waits for the second signature" in text_of(theirs)
    assert signed_in(carl).get(sign).status_code == 405
    assert signed_in(connie).post(sign).status_code == 403
    assert signed_in(carl).post(sign).status_code == 302
    text = text_of(signed_in(otto).get(WAIVERS_PAGE))
    assert "1 waiver holds today" in text
    assert "Connie and Carl" in text
    assert signed_in(otto).get(revoke).status_code == 403
    assert "Revoke waiver" in text_of(signed_in(carl).get(revoke))
    assert signed_in(carl).post(revoke, {"reason": ""}).status_code == 422
    assert signed_in(carl).post(revoke, {"reason": "Back."}).status_code == 302
    again = signed_in(carl).post(revoke, {"reason": "Back."})
    assert "This waiver is revoked already." in text_of(again)
    assert "Revoked by Carl" in text_of(signed_in(otto).get(WAIVERS_PAGE))


def test_a_waiver_that_is_over_is_told_so(bob: Any, connie: Any, otto: Any, entity: Any) -> None:
    past = today() - timedelta(days=3)
    Waiver.objects.create(
        entity=entity, person=bob, item_type="x", starts_on=past, ends_on=past, proposed_by=connie,
        signed_by=otto, signed_at=timezone.now(),
    )  # fmt: skip
    assert "Over" in text_of(signed_in(connie).get(WAIVERS_PAGE))


def test_a_decision_under_a_waiver_says_so(
    api: Any, define: Any, ask: Any, bob: Any, connie: Any, otto: Any, entity: Any
) -> None:
    define()
    waiver = Waiver.objects.create(
        entity=entity, person=bob, item_type="reconciliation", starts_on=today(), ends_on=today(),
        proposed_by=connie, signed_by=otto, signed_at=timezone.now(),
        compensating_control="Otto looks at each.",
    )  # fmt: skip
    made = ask(conflicted=[bob])
    assert "had a hand in it, but a waiver lets you" in text_of(signed_in(bob).get(address(made)))
    decide(
        request_id=made.pk, verdict="approve", comment="", attested=True, expected_version=1,
        actor=bob,
    )  # fmt: skip
    text = text_of(signed_in(otto).get(address(made)))
    assert f"under waiver {waiver.pk}, signed by Connie and Otto: Otto looks at each." in text
    shown = api(otto).get(f"/api/approvals/requests/{made.pk}").data
    assert shown["decisions"][0]["waiver"] == waiver.pk


def test_who_only_signs_finds_the_waivers(bob: Any, alice: Any) -> None:
    assert WAIVERS_PAGE in signed_in(bob).get("/approvals/").content.decode()
    assert WAIVERS_PAGE not in signed_in(alice).get("/approvals/").content.decode()


def test_the_admin_shows_waivers(connie: Any, bob: Any, otto: Any, entity: Any) -> None:
    waiver = Waiver.objects.create(
        entity=entity, person=bob, item_type="x", starts_on=today(), ends_on=today(),
        proposed_by=connie,
    )  # fmt: skip
    for where in ("", f"{waiver.pk}/change/"):
        page = signed_in(connie).get(f"/admin/approvals/waiver/{where}", follow=True)
        assert page.status_code == 200
        assert "Bob" in page.content.decode()
