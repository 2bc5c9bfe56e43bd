"""Making the evidence of a close: one package for the same facts, a new version for others."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from analytics.stage import keep_books, post, sale
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.analytics.selectors import anomalies_of, latest_scoring
from apps.analytics.services import review_anomaly
from apps.approvals.services import define_policy
from apps.audit.models import Event
from apps.close.models import CloseRun, CloseTask
from apps.close.services import (
    complete_task,
    define_template,
    open_run,
    resume_interrupted,
    retry_task,
    run_task,
    start_ready_tasks,
)
from apps.close.services.moves import begin_attempt
from apps.common.errors import NotPermitted, NotVisible
from apps.compliance.models import EvidencePackage
from apps.compliance.selectors import document_of, verdict_on
from apps.compliance.states import Verdict
from apps.identity.selectors import system_user
from apps.ledger.selectors import account_balances
from apps.reconciliation.models import Break
from apps.reconciliation.services import accept_break
from apps.reporting.documents import create_identity, read_attachments, verify_package
from apps.reporting.errors import SigningImpossible
from apps.reporting.services import evidence, export_document, produce_evidence

from .documents.pdf_text import page_lines, whole_text
from .stage import ATTESTATION, period_of, task_of

SECTIONS = (
    "Cover",
    "Controls",
    "Population",
    "Information produced by the entity",
    "Sample",
    "Execution",
    "Exceptions",
    "Attestation",
    "Change log",
    "Configuration snapshot",
    "Manifest",
    "Retention",
)


def rows(package: EvidencePackage, name: str) -> list[dict[str, str]]:
    content = read_attachments(document_of(package))[name].decode()
    return list(csv.DictReader(io.StringIO(content)))


# --- What is in it --------------------------------------------------------------------------


def test_it_verifies_offline_against_the_published_fingerprint(package: EvidencePackage) -> None:
    document = document_of(package)
    report = verify_package(document, trusted_fingerprints={package.certificate_sha256})
    assert report.is_valid
    assert report.manifest is not None
    assert report.manifest.root_sha256 == package.manifest_root
    assert report.manifest.matching == ("anomalies.csv", "exceptions.csv", "roll_forward.csv")
    assert not verify_package(document, trusted_fingerprints={"0" * 64}).is_valid
    assert verdict_on(package) == Verdict.VALID


def test_every_section_is_there_in_order(package: EvidencePackage) -> None:
    lines = [line for page in page_lines(document_of(package)) for line in page]
    places = []
    for number, title in enumerate(SECTIONS[1:], start=2):
        pairs = list(pairwise(lines))
        found = [place for place, pair in enumerate(pairs) if pair == (str(number), title)]
        assert len(found) == 2, f"{title}: once in the contents and once as heading"
        places.append(found[1])
    assert places == sorted(places)
    assert lines[0] == "EVIDENCE PACKAGE"


@pytest.mark.parametrize(
    "words",
    [
        "1 of 1 reconciliations of the period were run.",
        "They left 3 breaks: each has its cause, 2 are not explained by anybody.",
        "Every proof amount is zero",
        "1 of 2 tasks done; not yet: Approve the reconciliation (waiting)",
        "0 of 1 tasks done; not yet: Evidence package (makes this document)",
        "2 of 2 balances roll forward.",
        "41 entries (82 lines) against 80 earlier lines.",
        "3 acts by 3 people",
        "Comment: Looked at all of them.",
        f"“{ATTESTATION}”",
        "Bob, approver: Bank to ledger, April",
        "No sign-in on record",
        "Kept until 30 April 2030.",
        "HFS-2023-04-evidence, version 1",
        "nothing; this is the first version",
    ],
)
def test_it_tells(package: EvidencePackage, words: str) -> None:
    assert words in whole_text(document_of(package))


def test_the_list_of_breaks_equals_the_database_to_the_last_digit(
    package: EvidencePackage, alice: Any
) -> None:
    listed = rows(package, "exceptions.csv")
    breaks = list(Break.objects.order_by("number").select_related("run__match_type"))
    assert [
        (row["reconciliation"], int(row["run"]), int(row["break"]), Decimal(row["amount"]))
        for row in listed
    ] == [("Bank to ledger", each.run_id, each.number, each.amount) for each in breaks]
    assert [row["reason"] for row in listed] == [each.reason for each in breaks]
    assert [row["status"] for row in listed] == ["Explained", "Open", "Open"]
    assert listed[0]["explained_by"] == str(alice)
    assert listed[0]["comment"] == "Charged twice; refunded in May."
    assert {row["amount"] for row in listed} == {"-7.5000", "-12.3400", "-1234.5600"}


def test_a_reference_that_looks_like_a_formula_is_harmless_in_a_spreadsheet(
    package: EvidencePackage,
) -> None:
    references = {row["reference"] for row in rows(package, "exceptions.csv")}
    assert references == {"INV-2", "'=INV-3", "INV-4"}


def test_the_roll_forward_equals_the_books_and_adds_up(
    package: EvidencePackage, entity: Any
) -> None:
    listed = rows(package, "roll_forward.csv")
    assert [(row["account"], Decimal(row["closing"])) for row in listed] == [
        (str(balance.account), balance.balance)
        for balance in account_balances(entity_id=entity.pk, as_of=date(2023, 4, 30))
    ]
    for row in listed:
        parts = {name: Decimal(row[name]) for name in ("opening", "debits", "credits", "closing")}
        assert parts["opening"] + parts["debits"] - parts["credits"] == parts["closing"]
        assert parts["opening"] != 0


def test_the_anomalies_equal_the_newest_scoring(package: EvidencePackage) -> None:
    (row,) = rows(package, "anomalies.csv")
    scoring = latest_scoring(package.close_run.period_id)
    assert scoring is not None
    (found,) = anomalies_of(scoring)
    assert Decimal(row["score"]) == found.score
    assert row["reference"] == "odd"
    assert Decimal(row["amount"]) == Decimal("670.00")
    assert row["disposition"] == "To be reviewed"
    for reason in found.reasons:
        assert reason["reason"] in row["reasons"]


def test_amounts_are_nowhere_floats(package: EvidencePackage) -> None:
    """A float would show: ten cents a thousand times over have no exact binary sum."""
    for name in ("exceptions.csv", "roll_forward.csv"):
        for row in rows(package, name):
            for column in ("amount", "opening", "debits", "credits", "closing"):
                if column in row:
                    assert len(row[column].partition(".")[2]) == 4, row


def test_making_it_is_on_record(package: EvidencePackage, connie: Any) -> None:
    event = Event.objects.get(action="compliance.package.seal")
    assert (event.actor, event.entity_id) == (connie, package.entity_id)
    assert event.details["manifest_root"] == package.manifest_root
    assert package.made_by == connie


def test_the_signed_pdf_leaves_the_house_under_a_telling_name(
    package: EvidencePackage, tmp_path: Path
) -> None:
    path = export_document(package, tmp_path / "new" / "folder")
    assert path.name == "HFS-2023-04-evidence-v1.pdf"
    assert path.read_bytes() == document_of(package)


def test_gathering_takes_a_number_of_queries_that_does_not_grow_with_the_rows(
    close_run: CloseRun, connie: Any, entity: Any, system: Any
) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            produce_evidence(close_run_id=close_run.pk, actor=connie)
        return len(queries)

    first = count()
    more = [sale(f"extra{number}", date(2023, 4, 11), "98.00") for number in range(20)]
    post(entity, more, system)
    assert count() <= first + 2


# --- The same facts -------------------------------------------------------------------------


def test_the_same_facts_give_the_same_package(
    package: EvidencePackage, connie: Any, system: Any, table_counts: Any
) -> None:
    before = table_counts()
    again = produce_evidence(close_run_id=package.close_run_id, actor=connie)
    assert again == package
    assert produce_evidence(close_run_id=package.close_run_id, actor=system) == package
    assert table_counts() == before


def test_the_task_that_makes_it_is_no_fact_of_it(close_run: CloseRun) -> None:
    """A worker that dies after the package is sealed makes no second one."""
    run_task(task_id=task_of(close_run, "score").pk)
    start_ready_tasks(run_id=close_run.pk)
    task = task_of(close_run, "evidence")
    attempt = begin_attempt(task.pk)
    assert attempt is not None
    made = produce_evidence(close_run_id=close_run.pk, actor=system_user())
    assert resume_interrupted() == [task.pk], "nobody is at work on it any more"
    run_task(task_id=task.pk)
    task.refresh_from_db()
    assert [each.status for each in task.attempts.order_by("number")] == [
        "interrupted",
        "succeeded",
    ]
    assert task.attempts.get(number=2).summary == {
        "package": made.pk,
        "version": 1,
        "sha256": made.document_sha256,
        "manifest_root": made.manifest_root,
    }
    assert EvidencePackage.objects.get() == made


# --- Other facts ----------------------------------------------------------------------------


def _post_late(run: CloseRun, actors: dict[str, Any]) -> None:
    post(run.entity, [sale("late", date(2023, 4, 20), "100.00")], actors["system"])


def _accept_a_break(run: CloseRun, actors: dict[str, Any]) -> None:
    broken = Break.objects.get(number=1)
    accept_break(break_id=broken.pk, comment="Agreed.", actor=actors["rita"])


def _review_the_anomaly(run: CloseRun, actors: dict[str, Any]) -> None:
    scoring = latest_scoring(run.period_id)
    assert scoring is not None
    review_anomaly(
        score_id=anomalies_of(scoring)[0].pk,
        disposition="legitimate",
        comment="A contract.",
        actor=actors["rita"],
    )


def _complete_a_task(run: CloseRun, actors: dict[str, Any]) -> None:
    start_ready_tasks(run_id=run.pk)
    complete_task(task_id=task_of(run, "approve").pk, comment="Approved.", actor=actors["connie"])


def _change_a_policy(run: CloseRun, actors: dict[str, Any]) -> None:
    define_policy(
        entity_id=run.entity_id,
        item_type="period_lock",
        stages=[{"role": "controller", "count": 1}],
        actor=actors["connie"],
    )


CHANGES: list[tuple[Callable[..., None], str]] = [
    (_post_late, "42"),
    (_accept_a_break, "Accepted"),
    (_review_the_anomaly, "Legitimate"),
    (_complete_a_task, "2 of 2 tasks done"),
    (_change_a_policy, "period lock"),
]


@pytest.mark.parametrize(("change", "told"), CHANGES, ids=[each[0].__name__ for each in CHANGES])
def test_changed_facts_give_a_version_that_supersedes(
    package: EvidencePackage,
    request: Any,
    change: Callable[..., None],
    told: str,
) -> None:
    actors = {name: request.getfixturevalue(name) for name in ("system", "rita", "connie")}
    sealed = document_of(package)
    change(package.close_run, actors)
    newer = produce_evidence(close_run_id=package.close_run_id, actor=actors["connie"])
    assert (newer.version, newer.supersedes) == (2, package)
    assert newer.content_sha256 != package.content_sha256
    text = whole_text(document_of(newer))
    assert "HFS-2023-04-evidence, version 2" in text
    assert "Supersedes version 1" in text
    assert told in text
    assert verdict_on(newer) == Verdict.VALID
    package.refresh_from_db()
    assert document_of(package) == sealed, "the former stays as it was"
    assert produce_evidence(close_run_id=package.close_run_id, actor=actors["connie"]) == newer


def test_a_failed_task_and_its_second_try_are_told(close_run: CloseRun, connie: Any) -> None:
    task = task_of(close_run, "score")
    CloseTask.objects.filter(pk=task.pk).update(parameters={"z_threshold": "much"})
    run_task(task_id=task.pk)
    retry_task(task_id=task.pk, actor=connie)
    start_ready_tasks(run_id=close_run.pk)
    text = whole_text(document_of(produce_evidence(close_run_id=close_run.pk, actor=connie)))
    assert "close.task.fail" in text.replace(" ", "")
    assert "close.task.retry" in text.replace(" ", "")
    assert "PARAMETERS_REFUSED" in text.replace(" ", "")


# --- Refusals -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "refusal"),
    [
        ("alice", NotPermitted),
        ("rita", NotPermitted),
        ("bob", NotPermitted),
        ("otto", NotPermitted),
        ("ivy", NotPermitted),
        ("ada", NotPermitted),
        ("victor", NotVisible),
        ("charlie", NotVisible),
    ],
)
def test_who_may_not_make_evidence(
    close_run: CloseRun, who: str, refusal: type[Exception], request: Any, table_counts: Any
) -> None:
    actor = request.getfixturevalue(who)
    before = table_counts()
    with pytest.raises(refusal):
        produce_evidence(close_run_id=close_run.pk, actor=actor)
    assert table_counts() == before


@pytest.mark.parametrize("fault", ["no key", "garbage", "another key", "expired"])
def test_a_key_that_cannot_sign_makes_no_package(
    close_run: CloseRun, connie: Any, settings: Any, tmp_path: Path, fault: str, table_counts: Any
) -> None:
    other = create_identity(
        common_name="Other",
        organisation="FinFlow",
        valid_from=datetime(2001, 1, 1, tzinfo=UTC),
        valid_until=datetime(2002, 1, 1, tzinfo=UTC),
    )
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    key.write_bytes(b"garbage" if fault == "garbage" else other.key_pem)
    certificate.write_bytes(other.certificate_pem)
    if fault == "no key":
        key.unlink()
    settings.EVIDENCE_SIGNING_KEY_FILE = str(key)
    if fault != "another key":
        settings.EVIDENCE_SIGNING_CERT_FILE = str(certificate)
    before = table_counts()
    with pytest.raises(SigningImpossible) as refused:
        produce_evidence(close_run_id=close_run.pk, actor=connie)
    assert "cannot be signed" in refused.value.message
    assert table_counts() == before


def test_a_signature_that_does_not_verify_is_not_sealed(
    close_run: CloseRun, connie: Any, monkeypatch: pytest.MonkeyPatch, table_counts: Any
) -> None:
    monkeypatch.setattr(evidence, "sign", lambda document, **_: document)
    before = table_counts()
    with pytest.raises(SigningImpossible, match="not valid"):
        produce_evidence(close_run_id=close_run.pk, actor=connie)
    assert table_counts() == before


# --- A close with nothing in it -------------------------------------------------------------


def test_an_empty_close_says_what_is_missing(entity: Any, system: Any, connie: Any) -> None:
    keep_books(entity, system)
    template = define_template(
        entity_id=entity.pk,
        code="bare",
        name="Bare",
        tasks=[
            {
                "id": "look",
                "name": "Look",
                "dependencies": [],
                "automation": False,
                "duration_estimate": 5,
                "owner_role": "controller",
                "handler": "",
            }
        ],
        actor=connie,
    )
    run = open_run(template_id=template.pk, period_id=period_of(entity).pk, actor=connie)
    package = produce_evidence(close_run_id=run.pk, actor=connie)
    text = whole_text(document_of(package))
    for words in (
        "No reconciliation of the period was run.",
        "No control is described for this entity.",
        "Nothing was posted in the period.",
        "No file was imported for the period.",
        "Nothing was reconciled and nothing was scored in the period.",
        "No policy in force asked for an attestation.",
        "No edit, reopening, override, delegation or new version was recorded.",
    ):
        assert words in text
    assert set(read_attachments(document_of(package))) == {
        "SHA256SUMS",
        "anomalies.csv",
        "exceptions.csv",
        "manifest.json",
    }
    assert verdict_on(package) == Verdict.VALID
