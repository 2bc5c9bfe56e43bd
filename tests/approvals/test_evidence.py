"""Evidence on requests: who may attach what, what a decision needs and covers, who reads it."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction

from apps.approvals.errors import (
    AlreadyDecidedByActor,
    AttachmentChanged,
    AttachmentEmpty,
    AttachmentExists,
    AttachmentLost,
    AttachmentMisnamed,
    AttachmentsTooMany,
    AttachmentTooLarge,
    AttachmentTypeRefused,
    AttachmentUnfit,
    AttachmentUnsound,
    EvidenceMissing,
    OwnWork,
    PolicyInvalid,
    ResolutionMissing,
)
from apps.approvals.models import Attachment, Decision, Policy, Request
from apps.approvals.rules import Evidence
from apps.approvals.selectors import inbox, kinds_in_words, kinds_missing
from apps.approvals.services import attach, bring, decide, hand_out_attachment, withdraw
from apps.approvals.services import evidence as services
from apps.approvals.services.policies import content_digest
from apps.approvals.states import ATTACHMENT_LABEL, EvidenceKind, RequestStatus
from apps.audit.models import Event
from apps.common.errors import IllegalMove, NotPermitted, NotVisible, Refusal, StaleVersion
from apps.identity.models import User
from apps.privacy.selectors import sealed_content
from tests.approvals.conftest import HASH, subject
from tests.approvals.files import BOOK, pdf, png, xlsx

BOTH = ["screenshot", "explanation"]
PICTURE = Evidence("screenshot", "bank.png", png(), "screenshot")
REASON = Evidence.in_words("explanation", "Timing differences of the batch.", field="explanation")
RESOLVED = Evidence.in_words("resolution", "Booked on 2 May.", field="resolution")


@pytest.fixture
def waiting(define: Any, ask: Any, bob: Any) -> Request:
    define(evidence_kinds=BOTH, resolution_required=True)
    made: Request = ask()
    return made


def approve(request: Request, actor: Any, *evidence: Evidence, **changes: Any) -> Request:
    request.refresh_from_db()
    facts = {"verdict": "approve", "comment": "Fine.", "attested": False} | changes
    version = facts.pop("expected_version", request.version)
    return decide(
        request_id=request.pk,
        expected_version=version,
        actor=User.objects.get(pk=actor.pk),
        evidence=evidence,
        **facts,
    )


def stored() -> set[str]:
    """What the storage holds for requests."""
    found: set[str] = set()
    folders = ["approvals"] if default_storage.exists("approvals") else []
    while folders:
        folder = folders.pop()
        below, files = default_storage.listdir(folder)
        folders += [f"{folder}/{name}" for name in below]
        found |= {f"{folder}/{name}" for name in files}
    return found


def digest(*evidence: Evidence) -> str:
    """What a decision covers, worked out by hand."""
    pieces = sorted((one.kind, hashlib.sha256(one.content).hexdigest()) for one in evidence)
    facts = {
        "evidence": [{"kind": kind, "sha256": sha256} for kind, sha256 in pieces],
        "subject_hash": HASH,
    }
    return hashlib.sha256(json.dumps(facts, separators=(",", ":")).encode()).hexdigest()


# --- Attaching ------------------------------------------------------------------------------


def test_the_maker_attaches_and_it_lies_sealed(waiting: Request, alice: Any) -> None:
    made = attach(request_id=waiting.pk, evidence=PICTURE, actor=alice)
    waiting.refresh_from_db()
    assert (made.kind, made.filename, made.content_type) == ("screenshot", "bank.png", "image/png")
    assert (made.size_bytes, made.sha256) == (len(png()), hashlib.sha256(png()).hexdigest())
    assert (made.subject_hash, made.decision, made.attached_by) == (HASH, None, alice)
    assert (waiting.status, waiting.version) == (RequestStatus.PENDING, 2)
    with default_storage.open(made.stored_name) as lying:
        assert png() not in lying.read()
    assert sealed_content(made.stored_name, ATTACHMENT_LABEL) == png()
    event = Event.objects.get(action="approvals.request.attach")
    assert event.details == {
        "attachment": made.pk,
        "kind": "screenshot",
        "sha256": made.sha256,
    }
    assert str(made) == "bank.png"
    assert (made.is_image, made.is_text) == (True, False)


def test_whoever_attaches_took_part_and_cannot_decide(
    define: Any, ask: Any, rita: Any, person: Any, entity: Any
) -> None:
    rosa = person("rosa", "reviewer", on=entity)
    define(stages=[{"role": "reviewer", "count": 1}])
    made = ask()
    assert made in inbox(rita)
    attach(request_id=made.pk, evidence=REASON, actor=rita)
    attach(request_id=made.pk, evidence=PICTURE, actor=rita)
    rita = User.objects.get(pk=rita.pk)
    assert made.conflicts.get(user=rita)
    assert made not in inbox(rita)
    with pytest.raises(OwnWork):
        approve(made, rita)
    assert approve(made, rosa).status == RequestStatus.APPROVED


def test_the_maker_is_not_noted_twice(waiting: Request, alice: Any) -> None:
    attach(request_id=waiting.pk, evidence=PICTURE, actor=alice)
    assert not waiting.conflicts.exists()


def test_the_last_who_could_decide_attaches_and_the_request_is_blocked(
    define: Any, ask: Any, rita: Any
) -> None:
    define(stages=[{"role": "reviewer", "count": 1}])
    made = ask()
    assert made.status == RequestStatus.PENDING
    attach(request_id=made.pk, evidence=REASON, actor=rita)
    made.refresh_from_db()
    assert made.status == RequestStatus.BLOCKED


def test_evidence_is_added_to_a_blocked_request_too(define: Any, ask: Any, alice: Any) -> None:
    define()
    made = ask()
    assert made.status == RequestStatus.BLOCKED
    assert attach(request_id=made.pk, evidence=REASON, actor=alice).pk


@pytest.mark.parametrize(
    ("who", "refusal"),
    [
        ("bob", NotPermitted),
        ("otto", NotPermitted),
        ("ada", NotPermitted),
        ("ivy", NotPermitted),
        ("victor", NotVisible),
        ("charlie", NotVisible),
    ],
)
def test_others_attach_nothing(
    request: pytest.FixtureRequest,
    waiting: Request,
    table_counts: Any,
    who: str,
    refusal: type[Refusal],
) -> None:
    actor = request.getfixturevalue(who)
    before, lying = table_counts(), stored()
    with pytest.raises(refusal):
        attach(request_id=waiting.pk, evidence=REASON, actor=actor)
    waiting.refresh_from_db()
    assert (table_counts(), stored(), waiting.version) == (before, lying, 1)


def test_a_maker_who_may_not_look_at_requests_attaches_nothing(
    define: Any, ask: Any, ivy: Any, alice: Any, table_counts: Any
) -> None:
    define()
    made = ask(maker=ivy)
    before = table_counts()
    with pytest.raises(NotPermitted):
        attach(request_id=made.pk, evidence=REASON, actor=ivy)
    assert table_counts() == before


def test_whoever_has_decided_attaches_nothing(
    define: Any, ask: Any, rita: Any, bob: Any, table_counts: Any
) -> None:
    define(stages=[{"role": "reviewer", "count": 1}, {"role": "approver", "count": 1}])
    made = ask()
    approve(made, rita)
    before = table_counts()
    with pytest.raises(AlreadyDecidedByActor):
        attach(request_id=made.pk, evidence=REASON, actor=rita)
    assert table_counts() == before
    assert approve(made, bob).status == RequestStatus.APPROVED


@pytest.mark.parametrize("end", ["approve", "reject", "withdraw"])
def test_nothing_is_added_to_what_is_decided(
    define: Any, ask: Any, alice: Any, bob: Any, table_counts: Any, end: str
) -> None:
    define()
    made = ask()
    if end == "withdraw":
        withdraw(request_id=made.pk, reason="x", actor=alice)
    else:
        approve(made, bob, verdict=end)
    before, lying = table_counts(), stored()
    with pytest.raises(IllegalMove):
        attach(request_id=made.pk, evidence=REASON, actor=alice)
    assert (table_counts(), stored()) == (before, lying)


@pytest.mark.parametrize(
    ("evidence", "refusal"),
    [
        (Evidence("document", "a.txt", b" ", "file"), AttachmentEmpty),
        (Evidence("document", "a.exe", b"MZ\0", "file"), AttachmentTypeRefused),
        (Evidence("document", "a.svg", b"<svg/>", "file"), AttachmentTypeRefused),
        (Evidence("screenshot", "a.png", pdf(), "file"), AttachmentMisnamed),
        (Evidence("screenshot", "a.pdf", pdf(), "file"), AttachmentUnfit),
        (Evidence("resolution", "a.png", png(), "file"), AttachmentUnfit),
        (
            Evidence("calculation", "a.xlsx", xlsx(BOOK | {"xl/vbaProject.bin": b""}), "file"),
            AttachmentUnsound,
        ),
        (Evidence("document", "a.txt", b"x" * 1_001, "file"), AttachmentTooLarge),
        (Evidence("explanation", "other.txt", REASON.content, "file"), AttachmentExists),
    ],
)
def test_content_that_is_not_taken_changes_nothing(
    waiting: Request,
    alice: Any,
    table_counts: Any,
    settings: Any,
    evidence: Evidence,
    refusal: type[Refusal],
) -> None:
    settings.ATTACHMENT_MOST_BYTES = 1_000
    attach(request_id=waiting.pk, evidence=REASON, actor=alice)
    before, lying = table_counts(), stored()
    with pytest.raises(refusal) as refused:
        attach(request_id=waiting.pk, evidence=evidence, actor=alice)
    assert (refused.value.field, refused.value.message[-1]) == ("file", ".")
    waiting.refresh_from_db()
    assert (table_counts(), stored(), waiting.version) == (before, lying, 2)


def test_the_largest_file_is_still_taken(waiting: Request, alice: Any, settings: Any) -> None:
    settings.ATTACHMENT_MOST_BYTES = 1_000
    largest = Evidence("document", "a.txt", b"x" * 1_000)
    assert attach(request_id=waiting.pk, evidence=largest, actor=alice).size_bytes == 1_000


def test_the_same_content_counts_as_two_kinds(waiting: Request, alice: Any) -> None:
    for kind in ("explanation", "calculation"):
        attach(request_id=waiting.pk, evidence=Evidence(kind, "a.txt", b"4 + 5 = 9"), actor=alice)
    assert len({one.stored_name for one in Attachment.objects.all()}) == 1
    assert kinds_missing(waiting) == [EvidenceKind.SCREENSHOT, EvidenceKind.RESOLUTION]


def test_a_request_carries_so_much_and_no_more(
    waiting: Request, alice: Any, bob: Any, table_counts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "MOST_ATTACHMENTS", 2)
    for number in range(2):
        note = Evidence.in_words("document", f"Note {number}")
        attach(request_id=waiting.pk, evidence=note, actor=alice)
    before = table_counts()
    with pytest.raises(AttachmentsTooMany):
        attach(request_id=waiting.pk, evidence=PICTURE, actor=alice)
    assert table_counts() == before
    # What an approver brings has room all the same.
    approve(waiting, bob, PICTURE, REASON, RESOLVED)
    assert Attachment.objects.count() == 5


def test_attachments_are_never_changed(waiting: Request, alice: Any) -> None:
    made = attach(request_id=waiting.pk, evidence=PICTURE, actor=alice)
    mine = Attachment.objects.filter(pk=made.pk)
    for change in ({"sha256": "0" * 64}, {"stored_name": "x"}, {"kind": "document"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            mine.update(**change)
    with pytest.raises(IntegrityError), transaction.atomic():
        mine._raw_delete("default")


def test_a_file_is_not_even_read_if_it_is_too_large(settings: Any) -> None:
    settings.ATTACHMENT_MOST_BYTES = 3
    fits, not_so = SimpleUploadedFile("a.txt", b"abc"), SimpleUploadedFile("a.txt", b"abcd")
    assert bring("document", fits, field="file").content == b"abc"
    with pytest.raises(AttachmentTooLarge) as refused:
        bring("document", not_so, field="file")
    assert (refused.value.status, refused.value.field) == (413, "file")
    assert not_so.tell() == 0
    assert bring("resolution", " Done. ").content == b"Done."


# --- Deciding -------------------------------------------------------------------------------


def test_an_approver_brings_what_is_missing_and_is_not_excluded(
    waiting: Request, alice: Any, bob: Any
) -> None:
    attach(request_id=waiting.pk, evidence=PICTURE, actor=alice)
    decided = approve(waiting, bob, REASON, RESOLVED)
    assert decided.status == RequestStatus.APPROVED
    decision = Decision.objects.get()
    assert decision.evidence_hash == digest(PICTURE, REASON, RESOLVED)
    assert [one.kind for one in decision.attachments.all()] == ["explanation", "resolution"]
    assert {one.attached_by for one in decision.attachments.all()} == {bob}
    assert not waiting.conflicts.exists()
    details = Event.objects.get(action="approvals.request.decide").details
    assert details["evidence_hash"] == decision.evidence_hash
    assert details["attachments"] == [one.pk for one in decision.attachments.all()]


def test_a_decision_without_any_evidence_covers_the_subject_alone(
    define: Any, ask: Any, bob: Any
) -> None:
    define()
    approve(ask(), bob)
    assert Decision.objects.get().evidence_hash == digest()


def test_each_decision_covers_what_was_there_then(
    define: Any, ask: Any, bob: Any, rita: Any
) -> None:
    define(
        stages=[{"role": "reviewer", "count": 1}, {"role": "approver", "count": 1}],
        evidence_kinds=["explanation"],
    )
    made = ask()
    approve(made, rita, REASON)
    approve(made, bob, PICTURE)
    covered = list(Decision.objects.values_list("evidence_hash", flat=True))
    assert covered == [digest(REASON), digest(REASON, PICTURE)]


@pytest.mark.parametrize(
    ("attached", "brought", "refusal", "kinds", "words"),
    [
        (
            [],
            [],
            EvidenceMissing,
            ["screenshot", "explanation", "resolution"],
            "a screenshot, an explanation and a resolution",
        ),
        ([PICTURE], [RESOLVED], EvidenceMissing, ["explanation"], "an explanation"),
        ([REASON], [RESOLVED], EvidenceMissing, ["screenshot"], "a screenshot"),
        ([PICTURE, REASON], [], ResolutionMissing, None, "how what was open was resolved"),
        ([PICTURE], [REASON], ResolutionMissing, None, "how what was open was resolved"),
    ],
)
def test_without_its_evidence_nothing_is_approved(
    waiting: Request,
    alice: Any,
    bob: Any,
    table_counts: Any,
    attached: list[Evidence],
    brought: list[Evidence],
    refusal: type[Refusal],
    kinds: list[str] | None,
    words: str,
) -> None:
    for one in attached:
        attach(request_id=waiting.pk, evidence=one, actor=alice)
    before, lying = table_counts(), stored()
    with pytest.raises(refusal, match=words) as refused:
        approve(waiting, bob, *brought)
    assert refused.value.details.get("kinds") == kinds
    assert refused.value.field in EvidenceKind.values
    waiting.refresh_from_db()
    assert waiting.status == RequestStatus.PENDING
    assert (table_counts(), stored()) == (before, lying)


@pytest.mark.parametrize("verdict", ["reject", "return"])
def test_to_turn_it_down_no_evidence_is_needed_but_some_may_come(
    waiting: Request, bob: Any, verdict: str
) -> None:
    proof = Evidence("document", "contract.pdf", pdf())
    approve(waiting, bob, proof, verdict=verdict)
    decision = Decision.objects.get()
    assert decision.evidence_hash == digest(proof)
    assert decision.attachments.get().filename == "contract.pdf"


@pytest.mark.parametrize(
    ("evidence", "refusal", "field"),
    [
        ([Evidence("screenshot", "a.png", pdf(), "screenshot")], AttachmentMisnamed, "screenshot"),
        ([Evidence("resolution", "a.txt", b"", "resolution")], AttachmentEmpty, "resolution"),
        ([PICTURE], AttachmentExists, "screenshot"),
        ([REASON, REASON], AttachmentExists, "explanation"),
        ([Evidence("document", "a.txt", b"x" * 1_001, "document")], AttachmentTooLarge, "document"),
    ],
)
def test_evidence_that_is_not_taken_decides_nothing(
    define: Any,
    ask: Any,
    alice: Any,
    bob: Any,
    table_counts: Any,
    settings: Any,
    evidence: list[Evidence],
    refusal: type[Refusal],
    field: str,
) -> None:
    settings.ATTACHMENT_MOST_BYTES = 1_000
    define()
    made = ask()
    attach(request_id=made.pk, evidence=PICTURE, actor=alice)
    before, lying = table_counts(), stored()
    with pytest.raises(refusal) as refused:
        approve(made, bob, *evidence)
    assert refused.value.field == field
    made.refresh_from_db()
    assert made.status == RequestStatus.PENDING
    assert (table_counts(), stored()) == (before, lying)


def test_who_may_not_decide_leaves_no_evidence_behind(
    waiting: Request, alice: Any, connie: Any, table_counts: Any
) -> None:
    before, lying = table_counts(), stored()
    for actor in (alice, connie):
        with pytest.raises(NotPermitted):
            approve(waiting, actor, PICTURE, REASON, RESOLVED)
    assert (table_counts(), stored()) == (before, lying)


def test_evidence_that_came_meanwhile_has_to_be_looked_at(
    waiting: Request, alice: Any, bob: Any, table_counts: Any
) -> None:
    attach(request_id=waiting.pk, evidence=PICTURE, actor=alice)
    before = table_counts()
    with pytest.raises(StaleVersion):
        approve(waiting, bob, REASON, RESOLVED, expected_version=1)
    assert table_counts() == before


def test_a_new_round_begins_without_evidence(
    waiting: Request, ask: Any, alice: Any, bob: Any
) -> None:
    attach(request_id=waiting.pk, evidence=PICTURE, actor=alice)
    approve(waiting, bob, verdict="return")
    again = ask()
    assert again != waiting
    assert kinds_missing(again) == ["screenshot", "explanation", "resolution"]


# --- Reading --------------------------------------------------------------------------------


def test_whoever_reads_it_is_on_record(waiting: Request, alice: Any, otto: Any) -> None:
    made = attach(request_id=waiting.pk, evidence=PICTURE, actor=alice)
    assert hand_out_attachment(attachment_id=made.pk, actor=otto) == (made, png())
    event = Event.objects.get(action="approvals.attachment.read")
    assert (event.actor, event.entity_id) == (otto, waiting.entity_id)
    assert (event.subject_type, event.subject_id) == ("approvals.attachment", str(made.pk))
    assert event.details == {"sha256": made.sha256}


@pytest.mark.parametrize(
    ("who", "refusal"),
    [
        ("ada", NotVisible),
        ("ivy", NotVisible),
        ("victor", NotVisible),
        ("charlie", NotVisible),
    ],
)
def test_others_read_nothing(
    request: pytest.FixtureRequest,
    waiting: Request,
    alice: Any,
    table_counts: Any,
    who: str,
    refusal: type[Refusal],
) -> None:
    made = attach(request_id=waiting.pk, evidence=PICTURE, actor=alice)
    actor = request.getfixturevalue(who)
    before = table_counts()
    with pytest.raises(refusal):
        hand_out_attachment(attachment_id=made.pk, actor=actor)
    assert table_counts() == before


def test_what_is_not_there_is_not_read(waiting: Request, alice: Any) -> None:
    with pytest.raises(NotVisible):
        hand_out_attachment(attachment_id=0, actor=alice)


@pytest.mark.parametrize("case", ["lost", "altered", "another"])
def test_what_is_stored_is_checked_before_it_is_shown(
    waiting: Request, alice: Any, table_counts: Any, case: str
) -> None:
    made = attach(request_id=waiting.pk, evidence=PICTURE, actor=alice)
    other = attach(request_id=waiting.pk, evidence=REASON, actor=alice)
    with default_storage.open(other.stored_name) as lying:
        another = lying.read()
    default_storage.delete(made.stored_name)
    if case != "lost":
        content = another if case == "another" else b"x" * 80
        default_storage.save(made.stored_name, ContentFile(content))
    before = table_counts()
    with pytest.raises(AttachmentLost if case == "lost" else AttachmentChanged):
        hand_out_attachment(attachment_id=made.pk, actor=alice)
    assert table_counts() == before


def test_half_a_file_is_not_taken_for_the_whole(waiting: Request, alice: Any) -> None:
    name = f"approvals/{waiting.entity_id}/{waiting.pk}/{PICTURE.sha256}"
    default_storage.save(name, ContentFile(b"\x01half a file"))
    made = attach(request_id=waiting.pk, evidence=PICTURE, actor=alice)
    assert made.stored_name != name
    assert sealed_content(made.stored_name, ATTACHMENT_LABEL) == png()


# --- Policies -------------------------------------------------------------------------------


def test_a_policy_asks_for_evidence(define: Any) -> None:
    policy = define(evidence_kinds=BOTH, resolution_required=True)
    assert (policy.evidence_kinds, policy.resolution_required) == (BOTH, True)
    plain = define("journal_entry")
    assert (plain.evidence_kinds, plain.resolution_required) == ([], False)


@pytest.mark.parametrize(
    ("kinds", "words"),
    [
        (["screenshot", "screenshot"], "twice"),
        (["hearsay"], "hearsay cannot be asked for"),
        (["resolution"], "resolution cannot be asked for"),
        ([""], "cannot be asked for"),
    ],
)
def test_a_policy_asks_for_what_there_is(
    define: Any, table_counts: Any, kinds: list[str], words: str
) -> None:
    before = table_counts()
    with pytest.raises(PolicyInvalid, match=words) as refused:
        define(evidence_kinds=kinds)
    assert refused.value.field == "evidence_kinds"
    assert table_counts() == before


def test_what_is_asked_for_is_part_of_what_is_approved(define: Any) -> None:
    digests = [
        content_digest(define(**facts))
        for facts in (
            {},
            {"evidence_kinds": ["screenshot"]},
            {"evidence_kinds": BOTH},
            {"evidence_kinds": BOTH[::-1]},
            {"resolution_required": True},
        )
    ]
    assert digests[2] == digests[3]
    assert len(set(digests)) == 4


def test_requests_go_on_with_what_their_policy_asked_for(
    define: Any, ask: Any, alice: Any, bob: Any
) -> None:
    define(evidence_kinds=["screenshot"])
    made = ask()
    define(evidence_kinds=["calculation"])
    assert Policy.objects.in_force().get().evidence_kinds == ["calculation"]
    approve(made, bob, PICTURE)
    assert kinds_missing(ask(subject(5))) == ["calculation"]


@pytest.mark.parametrize(
    ("kinds", "words"),
    [
        ([], ""),
        ([EvidenceKind.DOCUMENT], "a document"),
        ([EvidenceKind.EXPLANATION, EvidenceKind.RESOLUTION], "an explanation and a resolution"),
    ],
)
def test_kinds_are_told_in_words(kinds: list[EvidenceKind], words: str) -> None:
    assert kinds_in_words(kinds) == words
