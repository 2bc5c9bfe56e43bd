"""Evidence over REST, on the page of a request, and in the admin."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.approvals.models import Attachment, Decision, Policy, Request
from apps.approvals.rules import Evidence
from apps.approvals.services import attach, decide
from apps.approvals.states import RequestStatus
from apps.audit.models import Event
from apps.identity.models import User
from tests.approvals.files import pdf, png, xlsx
from tests.approvals.test_admin import content as policy_content
from tests.approvals.test_pages import address, signed_in, text_of, told
from tests.approvals.test_rest import POLICIES, POLICY, REQUESTS, post

ATTACHMENTS = "/api/approvals/attachments"
YES = {"verdict": "approve", "comment": "Fine.", "expected_version": "1"}
__all__ = ["policy_content"]


@pytest.fixture
def waiting(define: Any, ask: Any, bob: Any) -> Request:
    define(evidence_kinds=["screenshot", "explanation"], resolution_required=True)
    made: Request = ask(title="Bank, April")
    return made


@pytest.fixture
def picture(waiting: Request, alice: Any) -> Attachment:
    bank = Evidence("screenshot", "bank.png", png())
    return attach(request_id=waiting.pk, evidence=bank, actor=alice)


def file(content: bytes, name: str) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def send(client: Any, path: str, fields: dict[str, Any], **headers: str) -> Any:
    return client.post(path, fields, format="multipart", headers=headers)


# --- REST: attaching ------------------------------------------------------------------------


def test_a_file_is_attached_and_listed(api: Any, waiting: Request, alice: Any, otto: Any) -> None:
    fields = {
        "request": waiting.pk,
        "expected_version": 1,
        "kind": "screenshot",
        "file": file(png(), "bank.png"),
    }
    answer = send(api(alice), ATTACHMENTS, fields)
    assert answer.status_code == 201
    made = answer.json()
    assert (made["request"], made["kind"], made["filename"]) == (
        waiting.pk,
        "screenshot",
        "bank.png",
    )
    assert (made["content_type"], made["attached_by"]) == ("image/png", "alice")
    assert made["sha256"] == hashlib.sha256(png()).hexdigest()
    assert "stored_name" not in made
    listed = api(otto).get(f"{ATTACHMENTS}?request={waiting.pk}").json()["results"]
    assert listed == [made]
    assert api(otto).get(f"{ATTACHMENTS}/{made['id']}").json() == made
    seen = api(otto).get(f"{REQUESTS}/{waiting.pk}").json()
    assert seen["attachments"] == [made]
    assert seen["evidence_missing"] == ["explanation", "resolution"]
    assert (seen["evidence_kinds"], seen["resolution_required"]) == (
        ["screenshot", "explanation"],
        True,
    )
    assert seen["version"] == 2


def test_words_are_attached_as_json(api: Any, waiting: Request, alice: Any) -> None:
    fields = {
        "request": waiting.pk,
        "expected_version": 1,
        "kind": "explanation",
        "text": "Timing\r\ndifferences",
    }
    made = post(api(alice), ATTACHMENTS, fields).json()
    assert (made["filename"], made["content_type"]) == ("explanation.txt", "text/plain")
    seen = api(alice).get(f"{ATTACHMENTS}/{made['id']}/content")
    assert b"".join(seen.streaming_content) == b"Timing\ndifferences"


def test_a_repeated_upload_is_answered_and_not_repeated(
    api: Any, waiting: Request, alice: Any
) -> None:
    def upload(content: bytes = png()) -> Any:
        fields = {
            "request": waiting.pk,
            "expected_version": 1,
            "kind": "screenshot",
            "file": file(content, "bank.png"),
        }
        return send(api(alice), ATTACHMENTS, fields, **{"Idempotency-Key": "e-1"})

    first, again, other = upload(), upload(), upload(png(4))
    assert (first.status_code, again.status_code, other.status_code) == (201, 201, 422)
    assert first.json() == again.json()
    assert other.json()["error"]["code"] == "IDEMPOTENCY_KEY_REUSED"
    assert Attachment.objects.count() == 1


@pytest.mark.parametrize(
    ("who", "changes", "status", "code"),
    [
        ("alice", {"kind": "hearsay"}, 422, "INVALID"),
        ("alice", {"kind": None}, 422, "INVALID"),
        ("alice", {"request": 0}, 422, "INVALID"),
        ("alice", {"expected_version": None}, 422, "INVALID"),
        ("alice", {"expected_version": 2}, 409, "STALE_VERSION"),
        ("alice", {"request": 999_999}, 404, "NOT_FOUND"),
        ("alice", {"request": 10**30}, 404, "NOT_FOUND"),
        ("alice", {"file": None}, 422, "INVALID"),
        ("alice", {"text": "and words"}, 422, "INVALID"),
        ("alice", {"decision": 1}, 422, "INVALID"),
        ("alice", {"kind": ["screenshot", "document"]}, 422, "INVALID"),
        ("alice", {"file": file(b"", "a.txt")}, 422, "ATTACHMENT_EMPTY"),
        ("alice", {"file": file(b"GIF89a\0", "a.gif")}, 422, "ATTACHMENT_TYPE_REFUSED"),
        ("alice", {"file": file(pdf(), "a.png")}, 422, "ATTACHMENT_MISNAMED"),
        ("alice", {"file": file(pdf(), "a.pdf")}, 422, "ATTACHMENT_UNFIT"),
        ("alice", {"file": file(png()[:-4], "a.png")}, 422, "ATTACHMENT_UNSOUND"),
        ("alice", {"file": file(b"x" * 1_001, "a.txt")}, 413, "ATTACHMENT_TOO_LARGE"),
        ("alice", {"file": file(b"x" * 70_000, "a.txt")}, 413, "ATTACHMENT_TOO_LARGE"),
        ("bob", {}, 403, "NOT_PERMITTED"),
        ("otto", {}, 403, "NOT_PERMITTED"),
        ("ada", {}, 403, "NOT_PERMITTED"),
        ("ivy", {}, 403, "NOT_PERMITTED"),
        ("victor", {}, 404, "NOT_FOUND"),
        ("charlie", {}, 404, "NOT_FOUND"),
        (None, {}, 401, "NOT_AUTHENTICATED"),
    ],
)
def test_refused_uploads_change_nothing(
    request: pytest.FixtureRequest,
    api: Any,
    waiting: Request,
    table_counts: Any,
    settings: Any,
    who: str | None,
    changes: dict[str, Any],
    status: int,
    code: str,
) -> None:
    settings.ATTACHMENT_MOST_BYTES = 1_000
    actor = request.getfixturevalue(who) if who else None
    before = table_counts()
    fields = {
        "request": waiting.pk,
        "expected_version": 1,
        "kind": "screenshot",
        "file": file(png(), "a.png"),
    } | changes
    answer = send(
        api(actor),
        ATTACHMENTS,
        {name: value for name, value in fields.items() if value is not None},
    )
    assert answer.status_code == status
    assert answer.json()["error"]["code"] == code
    assert table_counts() == before


def test_what_is_there_or_decided_is_a_conflict(
    api: Any, waiting: Request, picture: Attachment, alice: Any, bob: Any, table_counts: Any
) -> None:
    fields = {
        "request": waiting.pk,
        "expected_version": 2,
        "kind": "screenshot",
        "file": file(png(), "again.png"),
    }
    there = send(api(alice), ATTACHMENTS, fields)
    assert (there.status_code, there.json()["error"]["code"]) == (409, "ATTACHMENT_EXISTS")
    no = YES | {"verdict": "reject", "expected_version": 2}
    assert post(api(bob), f"{REQUESTS}/{waiting.pk}/decide", no).status_code == 200
    before = table_counts()
    late = send(api(alice), ATTACHMENTS, fields | {"file": file(png(9), "late.png")})
    assert (late.status_code, late.json()["error"]["code"]) == (409, "ILLEGAL_MOVE")
    assert table_counts() == before


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_attachments_are_not_changed(
    api: Any, picture: Attachment, alice: Any, method: str
) -> None:
    answer = getattr(api(alice), method)(f"{ATTACHMENTS}/{picture.pk}", {}, format="json")
    assert answer.status_code == 405


# --- REST: reading --------------------------------------------------------------------------


def test_rows_and_content_are_for_those_who_see_the_request(
    request: pytest.FixtureRequest, api: Any, picture: Attachment
) -> None:
    verdicts = {}
    for name in ("alice", "rita", "bob", "connie", "otto", "ada", "ivy", "victor", "charlie"):
        client = api(request.getfixturevalue(name))
        paths = (ATTACHMENTS, f"{ATTACHMENTS}/{picture.pk}", f"{ATTACHMENTS}/{picture.pk}/content")
        verdicts[name] = tuple(client.get(path).status_code for path in paths)
    insider, nobody = (200, 200, 200), (403, 403, 403)
    assert verdicts == {
        "alice": insider,
        "rita": insider,
        "bob": insider,
        "connie": insider,
        "otto": insider,
        "ada": nobody,
        "ivy": nobody,
        "victor": nobody,
        "charlie": (200, 404, 404),
    }
    readers = Event.objects.filter(action="approvals.attachment.read")
    assert [event.actor.username for event in readers.order_by("id")] == [
        "alice",
        "rita",
        "bob",
        "connie",
        "otto",
    ]
    assert api().get(f"{ATTACHMENTS}/{picture.pk}/content").status_code == 401


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", 2),
        ("kind=screenshot", 1),
        ("entity=TKO", 0),
        ("entity=HFS", 2),
        ("request=0", 0),
        ("request=x", 422),
    ],
)
def test_lists_are_narrowed(
    api: Any, waiting: Request, picture: Attachment, alice: Any, query: str, found: int
) -> None:
    words = Evidence.in_words("explanation", "Because.")
    attach(request_id=waiting.pk, evidence=words, actor=alice)
    answer = api(alice).get(f"{ATTACHMENTS}?{query}")
    if answer.status_code != 200:
        assert answer.status_code == found
        return
    assert len(answer.json()["results"]) == found


def test_a_list_does_not_tell_which_requests_others_have(
    api: Any, picture: Attachment, charlie: Any
) -> None:
    there = api(charlie).get(f"{ATTACHMENTS}?request={picture.request_id}")
    not_there = api(charlie).get(f"{ATTACHMENTS}?request=999999")
    assert there.status_code == not_there.status_code == 200
    assert there.json() == not_there.json()


@pytest.mark.parametrize(
    ("name", "content", "media_type", "disposition"),
    [
        ("a.png", png(), "image/png", "inline"),
        ("a.txt", b"plain", "text/plain; charset=utf-8", "inline"),
        ("a.csv", b"a;b", "text/plain; charset=utf-8", "inline"),
        ("a.pdf", pdf(), "application/pdf", "attachment"),
        (
            "a.xlsx",
            xlsx(),
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            "attachment",
        ),
    ],
)
@pytest.mark.parametrize("door", ["page", "rest"])
def test_content_is_served_so_that_nothing_in_it_runs(
    api: Any,
    waiting: Request,
    alice: Any,
    otto: Any,
    name: str,
    content: bytes,
    media_type: str,
    disposition: str,
    door: str,
) -> None:
    made = attach(request_id=waiting.pk, evidence=Evidence("document", name, content), actor=alice)
    if door == "page":
        answer = signed_in(otto).get(reverse("approvals:attachment", args=[made.pk]))
    else:
        answer = api(otto).get(f"{ATTACHMENTS}/{made.pk}/content")
    assert b"".join(answer.streaming_content) == content
    assert answer["Content-Type"] == media_type
    assert answer["Content-Disposition"] == f'{disposition}; filename="{name}"'
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"] == (
        "sandbox; default-src 'none'; frame-ancestors 'none'"
    )
    assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
    assert answer["Cache-Control"] == "private, no-store"
    digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
    assert answer["Repr-Digest"] == f"sha-256=:{digest}:"


@pytest.mark.parametrize("accept", ["image/*", "application/pdf", "text/html"])
def test_content_is_given_whatever_type_is_asked_for(
    api: Any, picture: Attachment, otto: Any, charlie: Any, accept: str
) -> None:
    path = f"{ATTACHMENTS}/{picture.pk}/content"
    assert api(otto).get(path, headers={"Accept": accept})["Content-Type"] == "image/png"
    refused = api(charlie).get(path, headers={"Accept": accept})
    assert (refused.status_code, refused["Content-Type"]) == (404, "application/json")


# --- REST: deciding -------------------------------------------------------------------------


def test_an_approver_decides_with_files(api: Any, waiting: Request, bob: Any) -> None:
    fields = YES | {
        "attested": "false",
        "screenshot": file(png(), "bank.png"),
        "explanation": "Minor timing differences.",
        "resolution": file(b"Booked.", "resolved.txt"),
    }
    path = f"{REQUESTS}/{waiting.pk}/decide"
    answer = send(api(bob), path, fields, **{"Idempotency-Key": "d-1"})
    assert answer.status_code == 200
    seen = answer.json()
    assert (seen["status"], seen["evidence_missing"]) == ("approved", [])
    decision = Decision.objects.get()
    assert [(one["kind"], one["decision"]) for one in seen["attachments"]] == [
        (kind, decision.pk) for kind in ("screenshot", "explanation", "resolution")
    ]
    assert seen["decisions"][0]["evidence_hash"] == decision.evidence_hash
    fields |= {
        "screenshot": file(png(), "bank.png"),
        "resolution": file(b"Booked.", "resolved.txt"),
    }
    again = send(api(bob), path, fields, **{"Idempotency-Key": "d-1"})
    assert again.json() == seen


def test_words_come_along_as_json(
    api: Any, waiting: Request, picture: Attachment, bob: Any
) -> None:
    fields = YES | {"expected_version": 2, "explanation": "Late batch.", "resolution": "Booked."}
    answer = post(api(bob), f"{REQUESTS}/{waiting.pk}/decide", fields)
    assert answer.json()["status"] == "approved"


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({}, 422, "EVIDENCE_MISSING"),
        ({"screenshot": file(png(), "a.png"), "explanation": "x"}, 422, "RESOLUTION_MISSING"),
        ({"screenshot": "not a picture"}, 422, "EVIDENCE_MISSING"),
        ({"screenshot": file(pdf(), "a.png")}, 422, "ATTACHMENT_MISNAMED"),
        ({"screenshot": file(b"x" * 1_001, "a.png")}, 413, "ATTACHMENT_TOO_LARGE"),
        ({"document": file(b"x" * 80_000, "a.txt")}, 413, "ATTACHMENT_TOO_LARGE"),
        ({"explanation": ["one", "two"]}, 422, "INVALID"),
        ({"explanation": "x" * 10_001}, 422, "INVALID"),
        ({"hearsay": "x"}, 422, "INVALID"),
    ],
)
def test_decisions_that_are_refused_for_their_evidence_change_nothing(
    api: Any,
    waiting: Request,
    bob: Any,
    table_counts: Any,
    settings: Any,
    changes: dict[str, Any],
    status: int,
    code: str,
) -> None:
    settings.ATTACHMENT_MOST_BYTES = 1_000
    rest = {"explanation": "x", "resolution": "x"} if code.startswith("ATTACHMENT") else {}
    before = table_counts()
    answer = send(api(bob), f"{REQUESTS}/{waiting.pk}/decide", YES | rest | changes)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    waiting.refresh_from_db()
    assert (waiting.status, waiting.version) == (RequestStatus.PENDING, 1)
    assert table_counts() == before


def test_a_missing_kind_is_named_for_machines(api: Any, waiting: Request, bob: Any) -> None:
    answer = post(api(bob), f"{REQUESTS}/{waiting.pk}/decide", YES)
    details = answer.json()["error"]["details"]
    assert details["kinds"] == ["screenshot", "explanation", "resolution"]
    assert details["field"] == "screenshot"
    assert details["remedy"]


@pytest.mark.parametrize("value", [None, {}, ["x"], "", True])
def test_json_that_is_no_text_is_no_evidence(
    api: Any, waiting: Request, bob: Any, value: Any
) -> None:
    answer = post(api(bob), f"{REQUESTS}/{waiting.pk}/decide", YES | {"explanation": value})
    assert answer.status_code == 422
    assert list(answer.json()["error"]["details"]) == ["explanation"]


def test_a_detail_takes_the_same_queries_whatever_is_attached(
    api: Any, waiting: Request, alice: Any, otto: Any
) -> None:
    def queries() -> int:
        client = api(User.objects.get(pk=otto.pk))
        with CaptureQueriesContext(connection) as seen:
            assert client.get(f"{REQUESTS}/{waiting.pk}").status_code == 200
        return len(seen)

    def add(number: int) -> None:
        note = Evidence.in_words("document", f"Note {number}")
        attach(request_id=waiting.pk, evidence=note, actor=alice)

    add(0)
    before = queries()
    for number in range(1, 9):
        add(number)
    assert queries() == before


# --- REST: policies -------------------------------------------------------------------------


def test_a_policy_is_defined_with_its_evidence(api: Any, connie: Any) -> None:
    asked = {"evidence_kinds": ["calculation"], "resolution_required": True}
    seen = post(api(connie), POLICIES, POLICY | asked).json()
    assert {name: seen[name] for name in asked} == asked
    plain = post(api(connie), POLICIES, POLICY).json()
    assert (plain["evidence_kinds"], plain["resolution_required"]) == ([], False)


@pytest.mark.parametrize(
    "kinds", [["hearsay"], ["resolution"], "screenshot", [["screenshot"]], [1]]
)
def test_a_policy_asks_for_nothing_unheard_of(
    api: Any, connie: Any, kinds: Any, table_counts: Any
) -> None:
    before = table_counts()
    answer = post(api(connie), POLICIES, POLICY | {"evidence_kinds": kinds})
    assert answer.status_code == 422
    assert "evidence_kinds" in answer.json()["error"]["details"]
    assert table_counts() == before


# --- The page -------------------------------------------------------------------------------


def evidence_address(request: Request) -> str:
    return reverse("approvals:evidence", args=[request.pk])


def test_the_page_says_what_is_missing_and_shows_what_is_there(
    waiting: Request, picture: Attachment, alice: Any, bob: Any
) -> None:
    words = Evidence.in_words("explanation", "Timing <b>differences</b>")
    note = attach(request_id=waiting.pk, evidence=words, actor=alice)
    page = signed_in(bob).get(address(waiting))
    text = text_of(page)
    assert "Before it is approved, a resolution has to be there." in text
    html = page.content.decode()
    assert f'<img src="/approvals/evidence/{picture.pk}/"' in html
    assert "Timing &lt;b&gt;differences&lt;/b&gt;" in html
    assert picture.sha256 in html
    assert "Add evidence" not in text
    # The text was read there and then; the picture is on record once the browser fetches it.
    read = Event.objects.filter(action="approvals.attachment.read")
    assert [event.subject_id for event in read] == [str(note.pk)]
    assert "It asks for a screenshot, an explanation and a resolution." in text
    assert "Your decision covers the evidence as it is now: 2 attachments." in text


def test_a_page_without_evidence_says_nothing_of_it(define: Any, ask: Any, bob: Any) -> None:
    define()
    page = signed_in(bob).get(address(ask()))
    assert 'id="evidence"' not in page.content.decode()


def test_the_maker_of_what_needs_none_may_add_some(
    define: Any, ask: Any, alice: Any, bob: Any
) -> None:
    define()
    text = text_of(signed_in(alice).get(address(ask())))
    assert "Nothing is attached." in text
    assert "Add evidence" in text


def test_a_text_that_is_long_or_lost_is_not_shown(waiting: Request, alice: Any) -> None:
    long = Evidence("document", "long.txt", b"word " * 5_000)
    lost = Evidence("document", "lost.txt", b"never to be found")
    attach(request_id=waiting.pk, evidence=long, actor=alice)
    gone = attach(request_id=waiting.pk, evidence=lost, actor=alice)
    default_storage.delete(gone.stored_name)
    text = text_of(signed_in(alice).get(address(waiting)))
    assert "long.txt" in text
    assert "word word" not in text
    assert "The content of this attachment is not in the storage. Restore it" in text


def test_the_maker_adds_a_file_and_then_words(waiting: Request, alice: Any) -> None:
    visitor = signed_in(alice)
    first = {"kind": "screenshot", "file": file(png(), "bank.png"), "text": ""}
    answer = visitor.post(evidence_address(waiting), first)
    assert (answer.status_code, answer.url) == (302, f"{address(waiting)}#evidence")
    assert told(answer) == ["Screenshot added: bank.png."]
    visitor.post(evidence_address(waiting), {"kind": "resolution", "text": "Booked."})
    page = visitor.get(address(waiting))
    assert "an explanation has to be there" in text_of(page)
    assert "added a resolution as evidence" in text_of(page)
    choices = page.context["evidence_form"].fields["kind"].choices
    assert choices[0] == ("explanation", "Explanation (still missing)")
    assert ("resolution", "Resolution") in choices


def test_resolutions_are_offered_only_where_one_is_asked_for(
    define: Any, ask: Any, alice: Any, bob: Any
) -> None:
    define(evidence_kinds=["calculation"])
    page = signed_in(alice).get(address(ask()))
    assert page.context["evidence_form"].fields["kind"].choices == [
        ("calculation", "Calculation (still missing)"),
        ("screenshot", "Screenshot"),
        ("explanation", "Explanation"),
        ("document", "Document"),
    ]


@pytest.mark.parametrize(
    ("changes", "field", "status"),
    [
        ({"kind": "hearsay"}, "kind", 422),
        ({"text": ""}, "file", 422),
        ({"text": " "}, "file", 422),
        ({"file": file(png(), "a.png")}, "file", 422),
        ({"text": "x" * 10_001}, "text", 422),
        ({"text": "a\0b"}, "text", 422),
        ({"text": "<svg/>"}, "text", 422),
        ({"text": "", "file": file(b"", "a.txt")}, "file", 422),
        ({"text": "", "file": file(pdf(), "a.png")}, "file", 422),
        ({"text": "", "file": file(b"x" * 1_001, "a.txt")}, "file", 413),
    ],
)
def test_a_refused_form_comes_back_and_changes_nothing(
    waiting: Request,
    alice: Any,
    table_counts: Any,
    settings: Any,
    changes: dict[str, Any],
    field: str,
    status: int,
) -> None:
    settings.ATTACHMENT_MOST_BYTES = 1_000
    visitor = signed_in(alice)
    before = table_counts()
    form = {"kind": "explanation", "text": "Because."} | changes
    page = visitor.post(evidence_address(waiting), form)
    assert page.status_code == status
    assert list(page.context["evidence_form"].errors) == [field]
    assert "<details open>" in page.content.decode()
    assert table_counts() == before


@pytest.mark.parametrize(
    ("who", "status"),
    [("bob", 403), ("otto", 403), ("ada", 403), ("victor", 403), ("charlie", 404)],
)
def test_others_are_refused_by_the_page(
    request: pytest.FixtureRequest, waiting: Request, table_counts: Any, who: str, status: int
) -> None:
    visitor = signed_in(request.getfixturevalue(who))
    before = table_counts()
    form = {"kind": "explanation", "text": "Because."}
    page = visitor.post(evidence_address(waiting), form)
    assert page.status_code == status
    if who in {"bob", "otto"}:
        assert "Your evidence was not added. You may not add evidence here." in text_of(page)
    assert table_counts() == before


def test_what_was_decided_meanwhile_takes_no_evidence(
    waiting: Request, alice: Any, bob: Any, table_counts: Any
) -> None:
    decide(
        request_id=waiting.pk,
        verdict="reject",
        comment="No.",
        attested=False,
        expected_version=1,
        actor=bob,
    )
    visitor = signed_in(alice)
    before = table_counts()
    page = visitor.post(evidence_address(waiting), {"kind": "explanation", "text": "But …"})
    assert page.status_code == 409
    assert "Your evidence was not added. This request is decided" in text_of(page)
    assert table_counts() == before


def test_the_address_of_the_form_leads_back_to_the_page(waiting: Request, alice: Any) -> None:
    answer = signed_in(alice).get(evidence_address(waiting))
    assert (answer.status_code, answer.url) == (302, f"{address(waiting)}#evidence")


@pytest.mark.parametrize(
    ("who", "status"),
    [("otto", 200), ("ada", 403), ("ivy", 403), ("victor", 403), ("charlie", 404), (None, 302)],
)
def test_the_content_has_its_own_page(
    request: pytest.FixtureRequest, client: Any, picture: Attachment, who: str | None, status: int
) -> None:
    visitor = signed_in(request.getfixturevalue(who)) if who else client
    assert visitor.get(reverse("approvals:attachment", args=[picture.pk])).status_code == status
    assert Event.objects.filter(action="approvals.attachment.read").exists() == (status == 200)


def test_whoever_could_decide_is_told_what_adding_evidence_costs(
    define: Any, ask: Any, rita: Any, alice: Any
) -> None:
    define(stages=[{"role": "reviewer", "count": 1}])
    made = ask()
    warning = "Whoever adds evidence here cannot decide any more."
    assert warning in text_of(signed_in(rita).get(address(made)))
    assert warning not in text_of(signed_in(alice).get(address(made)))


# --- Deciding on the page -------------------------------------------------------------------


def test_the_dialog_asks_for_what_is_missing_and_no_more(
    waiting: Request, picture: Attachment, bob: Any
) -> None:
    ways = {way["verdict"]: way for way in signed_in(bob).get(address(waiting)).context["ways"]}
    assert list(ways["approve"]["form"].fields) == [
        "explanation",
        "resolution",
        "comment",
        "document",
    ]
    assert list(ways["reject"]["form"].fields) == ["comment", "document"]


def test_an_approver_decides_on_the_page_with_evidence(
    waiting: Request, picture: Attachment, bob: Any, alice: Any
) -> None:
    form = YES | {
        "expected_version": "2",
        "explanation": "Late batch.",
        "resolution": "Booked.",
        "document": file(pdf(), "contract.pdf"),
    }
    answer = signed_in(bob).post(address(waiting), form)
    assert answer.status_code == 302
    decision = Decision.objects.get()
    assert {one.kind for one in decision.attachments.all()} == {
        "explanation",
        "resolution",
        "document",
    }
    text = text_of(signed_in(alice).get(address(waiting)))
    assert "approved it as approver, with an explanation, a document and a resolution" in text
    assert "with the decision" in text
    assert "Add evidence" not in text


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"explanation": ""}, "explanation"),
        ({"resolution": " "}, "resolution"),
        ({"screenshot": None}, "screenshot"),
        ({"screenshot": file(pdf(), "a.png")}, "screenshot"),
        ({"document": file(b"GIF89a\0", "a.gif")}, "document"),
        ({"explanation": "", "unheard_of": file(b"x", "a.txt")}, "explanation"),
    ],
)
def test_a_refused_decision_keeps_the_words_and_asks_for_the_files_again(
    waiting: Request, bob: Any, table_counts: Any, changes: dict[str, Any], field: str
) -> None:
    visitor = signed_in(bob)
    before = table_counts()
    form = YES | {
        "screenshot": file(png(), "a.png"),
        "explanation": "Late.",
        "resolution": "Booked.",
    }
    form = {name: value for name, value in (form | changes).items() if value is not None}
    page = visitor.post(address(waiting), form)
    assert page.status_code == 422
    attempt = page.context["attempt"]
    assert list(attempt.form.errors) == [field]
    chosen = {name for name, value in form.items() if isinstance(value, SimpleUploadedFile)}
    for name in chosen & attempt.form.fields.keys():
        assert attempt.form.fields[name].help_text == "Choose the file again."
    assert "Fine." in page.content.decode()
    assert table_counts() == before


def test_what_came_meanwhile_is_told_and_the_words_are_kept(
    waiting: Request, picture: Attachment, bob: Any
) -> None:
    form = YES | {
        "screenshot": file(png(5), "mine.png"),
        "explanation": "Late.",
        "resolution": "Booked.",
    }
    page = signed_in(bob).post(address(waiting), form)
    assert page.status_code == 409
    rows = {row["label"]: (row["left"], row["right"]) for row in page.context["attempt"].changes}
    assert rows["Evidence"] == (None, "bank.png")
    assert rows["Decided by"] == (None, None)
    fresh = next(way["form"] for way in page.context["ways"] if way["verdict"] == "approve")
    assert fresh.initial == {
        "comment": "Fine.",
        "explanation": "Late.",
        "resolution": "Booked.",
    }
    assert "screenshot" not in fresh.fields


def test_decisions_and_evidence_since_are_told_apart(
    define: Any, ask: Any, alice: Any, bob: Any, rita: Any
) -> None:
    """Each raises the version, and what somebody had seen is told by what raised it."""
    define(stages=[{"role": "reviewer", "count": 1}, {"role": "approver", "count": 1}])
    made = ask()
    for name in ("one", "two"):
        note = Evidence("document", f"{name}.txt", name.encode())
        attach(request_id=made.pk, evidence=note, actor=alice)
    decide(
        request_id=made.pk,
        verdict="approve",
        comment="",
        attested=False,
        expected_version=3,
        actor=rita,
        evidence=[Evidence("document", "three.txt", b"three")],
    )
    visitor = signed_in(bob)

    def changes_since(version: int) -> dict[str, Any]:
        page = visitor.post(address(made), YES | {"expected_version": str(version)})
        found = page.context["attempt"].changes
        return {row["label"]: (row["left"], row["right"]) for row in found}

    everything = "one.txt, two.txt, three.txt"
    assert changes_since(1)["Evidence"] == (None, everything)
    assert changes_since(2)["Evidence"] == ("one.txt", everything)
    assert changes_since(3)["Evidence"] == ("one.txt, two.txt", everything)
    assert changes_since(3)["Decided by"] == (None, "Rita")


# --- Policies on pages and in the admin -----------------------------------------------------


def test_a_policy_page_says_what_is_asked_for(define: Any, otto: Any) -> None:
    policy = define(evidence_kinds=["screenshot"], resolution_required=True)
    visitor = signed_in(otto)
    page = visitor.get(reverse("approvals:policy", args=[policy.pk]))
    assert "a screenshot and a resolution" in text_of(page)


def test_a_controller_asks_for_evidence_in_the_admin(
    connie: Any, entity: Any, policy_content: dict[str, Any]
) -> None:
    form = policy_content | {
        "evidence_kinds": ["screenshot", "calculation"],
        "resolution_required": "on",
    }
    answer = signed_in(connie).post(reverse("admin:approvals_policy_add"), form)
    assert answer.status_code == 302
    policy = Policy.objects.get()
    assert (policy.evidence_kinds, policy.resolution_required) == (
        ["screenshot", "calculation"],
        True,
    )


def test_the_admin_refuses_evidence_of_no_kind(
    connie: Any, entity: Any, policy_content: dict[str, Any]
) -> None:
    form = policy_content | {"evidence_kinds": ["hearsay"]}
    page = signed_in(connie).post(reverse("admin:approvals_policy_add"), form)
    assert list(page.context["adminform"].form.errors) == ["evidence_kinds"]
    assert not Policy.objects.exists()


def test_attachments_are_looked_at_in_the_admin_and_not_changed(
    picture: Attachment, waiting: Request, connie: Any, charlie: Any
) -> None:
    visitor = signed_in(connie)
    listed = visitor.get(reverse("admin:approvals_attachment_changelist"))
    assert [one.pk for one in listed.context["cl"].result_list] == [picture.pk]
    path = reverse("admin:approvals_attachment_change", args=[picture.pk])
    assert address(waiting) in visitor.get(path).content.decode()
    assert visitor.post(path, {"kind": "document"}).status_code == 403
    assert visitor.post(path.replace("change", "delete")).status_code == 403
    assert visitor.get(reverse("admin:approvals_attachment_add")).status_code == 403
    page = visitor.get(reverse("admin:approvals_request_change", args=[waiting.pk]))
    assert "bank.png" in page.content.decode()
    elsewhere = signed_in(charlie).get(reverse("admin:approvals_attachment_changelist"))
    assert list(elsewhere.context["cl"].result_list) == []
