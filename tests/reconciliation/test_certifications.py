"""Certification of an outcome by two people."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client

from apps.audit.models import Event
from apps.common.errors import NotPermitted, NotVisible, Refusal, StaleVersion
from apps.identity.models import User
from apps.identity.services import grant_role
from apps.reconciliation.errors import (
    AlreadyCertified,
    BreaksOpen,
    NotPrepared,
    OwnCertification,
    RunNotCompleted,
    RunSuperseded,
)
from apps.reconciliation.models import Certification, Run
from apps.reconciliation.selectors import certification_of
from apps.reconciliation.services import (
    certify_run,
    explain_break,
    reopen_break,
    unmatch_group,
)
from tests.pages import text
from tests.reconciliation.conftest import MAY, Pair


@pytest.fixture
def explained(april: Run, alice: User) -> Run:
    """The April run with every break explained that is not awaited."""
    for broken in april.breaks.exclude(state="awaited"):
        explain_break(break_id=broken.pk, comment="Known", actor=alice)
    return april


def certify(run: Run, part: str, actor: User, **changes: Any) -> Certification:
    asked = {"run_id": run.pk, "part": part, "outcome_digest": run.outcome_digest, "actor": actor}
    return certify_run(**(asked | changes))


def test_one_prepares_and_another_reviews(explained: Run, alice: User, rita: User) -> None:
    assert certification_of(explained).status == "none"
    first = certify(explained, "prepared", alice, comment=" Done ")
    assert (first.comment, first.outcome_digest) == ("Done", explained.outcome_digest)
    assert certification_of(explained).status == "prepared"
    certify(explained, "reviewed", rita)
    found = certification_of(explained)
    assert found.status == "certified"
    assert found.prepared == first
    assert found.reviewed is not None
    assert found.reviewed.certified_by == rita
    assert Event.objects.filter(action="reconciliation.run.certify").count() == 2


def test_a_change_of_the_outcome_takes_it_away(explained: Run, alice: User, rita: User) -> None:
    certify(explained, "prepared", alice)
    certify(explained, "reviewed", rita)
    unmatch_group(run_id=explained.pk, number=1, reason="No", actor=rita)
    explained.refresh_from_db()
    found = certification_of(explained)
    assert (found.status, len(found.earlier)) == ("superseded", 2)


def test_a_break_that_is_opened_again_takes_it_away(
    explained: Run, alice: User, rita: User
) -> None:
    certify(explained, "prepared", alice)
    certify(explained, "reviewed", rita)
    reopen_break(break_id=explained.breaks.get(cause="fee").pk, comment="No", actor=rita)
    assert certification_of(explained).status == "fallen"


def test_a_newer_run_supersedes_it(explained: Run, pair: Pair, alice: User, rita: User) -> None:
    certify(explained, "prepared", alice)
    pair.bring("left", ("INV-7", "09", "13.00"))
    newer = pair.run()
    explained.refresh_from_db()
    assert certification_of(explained).status == "superseded"
    assert certification_of(newer).status == "none"
    with pytest.raises(RunSuperseded):
        certify(explained, "reviewed", rita)


REFUSED: list[tuple[str, str, dict[str, Any], type[Refusal]]] = [
    ("bob", "prepared", {}, NotPermitted),
    ("rita", "prepared", {}, NotPermitted),
    ("alice", "reviewed", {}, NotPermitted),
    ("otto", "reviewed", {}, NotPermitted),
    ("ivy", "prepared", {}, NotPermitted),
    ("ada", "prepared", {}, NotPermitted),
    ("charlie", "prepared", {}, NotVisible),
    ("victor", "prepared", {}, NotVisible),
    ("alice", "prepared", {"outcome_digest": "0" * 64}, StaleVersion),
    ("rita", "reviewed", {}, NotPrepared),
]


@pytest.mark.parametrize(("who", "part", "changes", "refusal"), REFUSED)
def test_certifications_that_are_refused(
    who: str,
    part: str,
    changes: dict[str, Any],
    refusal: type[Refusal],
    request: Any,
    explained: Run,
    table_counts: Any,
) -> None:
    actor = request.getfixturevalue(who)
    before = table_counts()
    with pytest.raises(refusal):
        certify(explained, part, actor, **changes)
    assert table_counts() == before


def test_nobody_does_both_parts_or_one_twice(
    explained: Run, connie: User, rita: User, alice: User, table_counts: Any
) -> None:
    certify(explained, "prepared", connie)
    before = table_counts()
    with pytest.raises(OwnCertification):
        certify(explained, "reviewed", connie)
    with pytest.raises(AlreadyCertified):
        certify(explained, "prepared", alice)
    assert table_counts() == before
    with pytest.raises(IntegrityError), transaction.atomic():
        Certification.objects.create(
            run=explained,
            outcome_digest=explained.outcome_digest,
            part="reviewed",
            certified_by=connie,
        )


def test_open_breaks_and_runs_without_an_outcome_are_not_certified(
    april: Run, pair: Pair, alice: User, table_counts: Any
) -> None:
    queued = pair.start(**MAY)
    before = table_counts()
    with pytest.raises(BreaksOpen):
        certify(april, "prepared", alice)
    with pytest.raises(RunNotCompleted):
        certify(queued, "prepared", alice)
    assert table_counts() == before


@pytest.mark.django_db(transaction=True)
def test_two_reviewers_at_once_are_one_review(
    explained: Run, alice: User, rita: User, connie: User
) -> None:
    certify(explained, "prepared", alice)
    barrier = threading.Barrier(2)
    answers: list[str] = []

    def one(actor: User) -> None:
        try:
            barrier.wait(timeout=30)
            certify(explained, "reviewed", actor)
            answers.append("done")
        except AlreadyCertified:
            answers.append("late")
        finally:
            connection.close()

    threads = [threading.Thread(target=one, args=[actor]) for actor in (rita, connie)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(answers) == ["done", "late"]


def test_rest_certifies(explained: Run, api: Any, alice: User, rita: User) -> None:
    url = f"/api/reconciliation/runs/{explained.pk}/certification"
    body = {"part": "prepared", "outcome_digest": explained.outcome_digest}
    assert api(alice).get(url).json()["status"] == "none"
    assert api(alice).post(url, body, format="json").status_code == 201
    assert api(alice).post(url, {**body, "part": "both"}, format="json").status_code == 422
    assert api(rita).post(url, {**body, "part": "reviewed"}, format="json").status_code == 201
    answer = api(rita).get(url).json()
    assert (answer["status"], answer["reviewed"]["certified_by"]) == ("certified", "rita")


def test_pages_certify(explained: Run, alice: User, rita: User, entity: Any, system: User) -> None:
    url = f"/reconciliations/{explained.pk}/"
    client = Client()

    def page() -> str:
        return text(client.get(url))

    client.force_login(alice)
    assert "Certify as preparer" in page()
    posted = {"outcome_digest": explained.outcome_digest, "comment": "Seen"}
    said = client.post(f"{url}certify/prepared/", posted, follow=True).content.decode()
    assert "Certified." in said
    assert "Prepared, waits for a reviewer" in said
    grant_role(user_id=alice.pk, role="reviewer", entity_id=entity.pk, actor=system)
    client.force_login(User.objects.get(pk=alice.pk))
    assert "Certify as reviewer" not in page()
    client.force_login(rita)
    assert "Certify as reviewer" in page()
    stale = client.post(f"{url}certify/reviewed/", {"outcome_digest": "x"}, follow=True)
    assert "changed since you opened it" in stale.content.decode()
    client.post(f"{url}certify/reviewed/", posted)
    assert "Certified by two people" in page()


def test_who_changed_the_outcome_does_not_review_it(april: Run, alice: User, rita: User) -> None:
    unmatch_group(run_id=april.pk, number=1, reason="Another customer", actor=rita)
    april.refresh_from_db()
    for broken in april.breaks.exclude(state="awaited"):
        explain_break(break_id=broken.pk, comment="Known", actor=alice)
    certify(april, "prepared", alice)
    with pytest.raises(OwnCertification, match="worked on"):
        certify(april, "reviewed", rita)
    assert certification_of(april).status == "prepared"


def test_who_explained_a_break_does_not_review_the_outcome(
    april: Run, alice: User, rita: User
) -> None:
    for broken in april.breaks.exclude(state="awaited"):
        actor = rita if broken.cause == "fee" else alice
        explain_break(break_id=broken.pk, comment="Known", actor=actor)
    certify(april, "prepared", alice)
    with pytest.raises(OwnCertification, match="worked on"):
        certify(april, "reviewed", rita)
    assert certification_of(april).status == "prepared"


def test_a_comment_that_is_too_long_certifies_nothing(explained: Run, alice: User) -> None:
    client = Client()
    client.force_login(alice)
    answer = client.post(
        f"/reconciliations/{explained.pk}/certify/prepared/",
        {"outcome_digest": explained.outcome_digest, "comment": "x" * 2001},
        follow=True,
    )
    assert "Nothing was certified. Comment: Ensure this value has at most 2000" in text(answer)
    assert not Certification.objects.exists()
