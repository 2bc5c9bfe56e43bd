"""Reports on a run: what they say, who gets them, and that taking one is on record."""

from __future__ import annotations

import base64
import hashlib
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from python_calamine import CalamineWorkbook

from apps.audit.models import Event
from apps.identity.models import User
from apps.reconciliation.models import Break, Run
from apps.reconciliation.services import (
    accept_break,
    explain_break,
    force_match,
    start_run,
    unmatch_group,
)
from apps.reconciliation.states import RunStatus
from apps.reporting.services import run_report as module
from apps.reporting.services.handing_out import hand_out_report
from apps.reporting.states import MEDIA_TYPES, ReportKind, ReportType

from .documents.pdf_text import whole_text
from .stage import APRIL, bring_in

ACTORS = ("anonymous", "victor", "ivy", "alice", "rita", "bob", "connie", "otto", "ada", "charlie")
# Charlie holds every role in another entity: what is ours does not exist for him.
VERDICTS = (401, 403, 403, 200, 200, 200, 200, 200, 403, 404)


@pytest.fixture
def april(entity: Any, connie: User) -> Run:
    return bring_in(entity, connie)


def address(run: Run) -> str:
    return f"/api/reporting/runs/{run.pk}/report"


def page(run: Run) -> str:
    return f"/reconciliations/{run.pk}/report/"


def sheets(content: bytes) -> dict[str, list[list[Any]]]:
    book = CalamineWorkbook.from_filelike(BytesIO(content))
    return {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}


def take(run: Run, actor: User, **asked: Any) -> bytes:
    asked = {"kind": ReportKind.FULL, "report_type": ReportType.XLSX} | asked
    return hand_out_report(run_id=run.pk, actor=actor, **asked).content


def column(rows: list[list[Any]], title: str) -> list[Any]:
    at = rows[0].index(title)
    return [row[at] for row in rows[1:]]


# --- What they say --------------------------------------------------------------------------


def test_the_workbook_says_what_the_run_found(april: Run, connie: User) -> None:
    found = sheets(take(april, connie))
    summary = {row[0]: row[1:] for row in found["Summary"]}
    assert summary["Entity"][0] == "Harbour Field Services (HFS)"
    assert summary["Days"][0] == "1 April 2023 to 30 April 2023"
    assert summary["Match rate"][0] == 0.3333
    assert summary["Items on the left"][0] == 3
    assert summary["Exact"][:4] == ["Automatic", 1, 1, 1]
    (proof,) = april.proof
    names = ("left_total", "right_total", "open_left", "open_right", "differences", "proof_amount")
    assert summary["EUR"][:6] == [float(Decimal(proof[name])) for name in names]
    assert column(found["Matched"], "Side") == ["left", "right"]
    assert column(found["Matched"], "Line") == [2, 2]
    assert column(found["Matched"], "Why")[0].startswith("reference equal: INV-1; ")
    assert sorted(column(found["Unmatched"], "Reference")) == ["=INV-3", "INV-2", "INV-2", "INV-4"]
    assert sorted(column(found["Unmatched"], "Amount")) == [-12.34, 50.0, 57.5, 1234.56]
    assert [row[2] for row in found["Sources"][1:]] == ["bank.csv", "ledger.csv"]
    assert ["passes[0].keys", "reference, amount"] in found["Rules"]


def test_totals_of_the_list_are_those_of_the_breaks(april: Run, connie: User) -> None:
    found = sheets(take(april, connie))["Unmatched"]
    sides = dict.fromkeys(("left", "right"), Decimal(0))
    for side, amount in zip(column(found, "Side"), column(found, "Amount"), strict=True):
        sides[side] += Decimal(str(amount))
    (proof,) = april.proof
    assert sides == {"left": Decimal(proof["open_left"]), "right": Decimal(proof["open_right"])}


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (ReportKind.FULL, ["Summary", "Unmatched", "Matched", "Rules", "Sources"]),
        (ReportKind.UNMATCHED, ["Summary", "Unmatched", "Rules", "Sources"]),
        (ReportKind.SUMMARY, ["Summary", "Rules", "Sources"]),
    ],
)
def test_each_kind_lists_what_it_is_for(
    april: Run, connie: User, kind: ReportKind, names: list[str]
) -> None:
    found = sheets(take(april, connie, kind=kind))
    assert list(found) == names
    assert found["Summary"][0][0] == kind.label


@pytest.mark.parametrize("kind", list(ReportKind))
def test_the_pdf_says_the_same(april: Run, connie: User, kind: ReportKind) -> None:
    text = whole_text(take(april, connie, kind=kind, report_type=ReportType.PDF))
    assert kind.label in text
    assert "33.33%" in text
    assert ("=INV-3" in text) is (kind != ReportKind.SUMMARY)


def test_what_people_said_of_a_break_is_told(april: Run, alice: User, rita: User) -> None:
    broken = Break.objects.filter(run=april).order_by("number").first()
    assert broken is not None
    explained = explain_break(break_id=broken.pk, comment="Comes in May", actor=alice)
    said = column(sheets(take(april, alice))["Unmatched"], "What people said")
    assert f"Explained by {alice}: Comes in May" in said
    accept_break(break_id=broken.pk, comment="", expected_version=explained.version, actor=rita)
    said = column(sheets(take(april, alice))["Unmatched"], "What people said")
    assert any(words.startswith(f"Accepted by {rita}") for words in said)


def test_what_people_changed_by_hand_is_what_counts(april: Run, connie: User, rita: User) -> None:
    revised = unmatch_group(run_id=april.pk, number=1, reason="Wrong client", actor=rita)
    found = sheets(take(april, connie))
    assert column(found["Matched"], "Line") == []
    assert len(column(found["Unmatched"], "Line")) == 6
    summary = {row[0]: row[1:] for row in found["Summary"]}
    assert summary["Exact"][:4] == ["Automatic", 0, 0, 0]
    assert summary["Match rate"][0] == 0
    both = [broken.pk for broken in revised.breaks]
    force_match(run_id=april.pk, break_ids=both, reason="Right after all", actor=rita)
    found = sheets(take(april, connie))
    assert column(found["Matched"], "Status") == ["forced", "forced"]
    summary = {row[0]: row[1:] for row in found["Summary"]}
    assert ["Forced", 1, 1, 1] in [row[1:5] for row in found["Summary"]]
    assert summary["Match rate"][0] == 0.3333


def test_names_are_masked_for_who_may_not_read_them(april: Run, connie: User, otto: User) -> None:
    for person, names in ((connie, {"Anna"}), (otto, {"••••na"})):
        found = sheets(take(april, person))
        for listed in ("Matched", "Unmatched"):
            assert set(column(found[listed], "Counterparty")) == names


def test_a_superseded_run_can_still_be_reported_on(april: Run, connie: User) -> None:
    Run.objects.filter(pk=april.pk).update(status=RunStatus.SUPERSEDED)
    summary = {row[0]: row[1:] for row in sheets(take(april, connie))["Summary"]}
    assert summary["Status"][0] == "Superseded by a newer run"


def test_the_number_of_queries_does_not_grow_with_the_items(april: Run, connie: User) -> None:
    with CaptureQueriesContext(connection) as asked:
        take(april, connie)
    assert len(asked) < 45


# --- Who gets them --------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "verdict"), list(zip(ACTORS, VERDICTS, strict=True)))
def test_every_actor_gets_the_verdict_of_the_table(
    request: pytest.FixtureRequest,
    api: Any,
    april: Run,
    table_counts: Any,
    name: str,
    verdict: int,
) -> None:
    client = api(None if name == "anonymous" else request.getfixturevalue(name))
    before = table_counts()
    response = client.get(address(april), {"kind": "summary"})
    assert response.status_code == verdict, getattr(response, "content", "")
    if verdict != 200:
        assert set(response.json()) == {"error"}
        assert table_counts() == before


@pytest.mark.parametrize("media_type", ["application/json", "application/pdf", "*/*"])
@pytest.mark.parametrize("report_type", list(ReportType))
def test_the_file_comes_with_its_name_type_and_digest(
    api: Any, april: Run, connie: User, report_type: ReportType, media_type: str
) -> None:
    asked = {"kind": "unmatched", "type": report_type.value}
    response = api(connie).get(address(april), asked, headers={"accept": media_type})
    content = b"".join(response.streaming_content)
    digest = hashlib.sha256(content)
    assert response["Content-Type"] == MEDIA_TYPES[report_type]
    assert response["Content-Disposition"] == (
        f'attachment; filename="HFS-bank_gl-2023-04-01-2023-04-30-unmatched.{report_type}"'
    )
    assert response["Repr-Digest"] == f"sha-256=:{base64.b64encode(digest.digest()).decode()}:"
    assert response["Cache-Control"] == "private, no-store"
    event = Event.objects.get(action="reporting.report.download")
    assert (event.actor_id, event.subject_id) == (connie.pk, str(april.pk))
    assert event.entity_id == april.entity_id
    assert event.details == {
        "kind": "unmatched",
        "type": report_type.value,
        "document_sha256": digest.hexdigest(),
        "outcome_digest": april.outcome_digest,
    }


def test_without_a_kind_it_is_everything_as_a_workbook(api: Any, april: Run, connie: User) -> None:
    response = api(connie).get(address(april))
    assert list(sheets(b"".join(response.streaming_content)))[2] == "Matched"


@pytest.mark.parametrize(
    ("asked", "code", "field"),
    [
        ({"kind": "all"}, 422, "kind"),
        ({"kind": ""}, 422, "kind"),
        ({"type": "csv"}, 422, "type"),
    ],
)
def test_what_there_is_not_is_refused_by_name(
    api: Any, april: Run, connie: User, table_counts: Any, asked: Any, code: int, field: str
) -> None:
    before = table_counts()
    response = api(connie).get(address(april), asked)
    assert response.status_code == code
    assert response.json()["error"]["details"]["field"] == field
    assert table_counts() == before


@pytest.mark.parametrize("status", [RunStatus.QUEUED, RunStatus.FAILED])
def test_a_run_without_an_outcome_has_no_report(
    api: Any, april: Run, connie: User, table_counts: Any, status: RunStatus
) -> None:
    days = {name: day.replace(month=3, day=1) for name, day in APRIL.items()}
    run = start_run(match_type_id=april.match_type_id, actor=connie, **days)
    Run.objects.filter(pk=run.pk).update(status=status)
    before = table_counts()
    response = api(connie).get(address(run))
    assert (response.status_code, response.json()["error"]["code"]) == (409, "RUN_NOT_COMPLETED")
    assert table_counts() == before


@pytest.mark.parametrize(
    ("kind", "most", "verdict"),
    [
        ("full", 5, 422),
        ("full", 6, 200),
        ("unmatched", 3, 422),
        ("unmatched", 4, 200),
        ("summary", 0, 200),
    ],
)
def test_nobody_waits_for_a_list_that_is_too_long(
    api: Any,
    april: Run,
    connie: User,
    table_counts: Any,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    most: int,
    verdict: int,
) -> None:
    monkeypatch.setattr(module, "MOST_ITEMS", most)
    before = table_counts()
    with transaction.atomic():
        response = api(connie).get(address(april), {"kind": kind})
    assert response.status_code == verdict
    if verdict == 422:
        assert response.json()["error"]["code"] == "REPORT_TOO_LONG"
        assert table_counts() == before


# --- From the page --------------------------------------------------------------------------


def browser(person: User | None) -> Client:
    client = Client(raise_request_exception=False)
    if person is not None:
        client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return client


def test_the_page_of_a_run_leads_to_its_reports(april: Run, connie: User) -> None:
    client = browser(connie)
    text = client.get(f"/reconciliations/{april.pk}/").content.decode()
    for kind in ReportKind:
        for report_type in ReportType:
            link = f"{page(april)}?kind={kind}&amp;type={report_type}"
            assert text.count(link) == 1
            response = client.get(link.replace("&amp;", "&"))
            assert response.status_code == 200
            assert response["Content-Type"] == MEDIA_TYPES[report_type]
    assert Event.objects.filter(action="reporting.report.download").count() == 6


@pytest.mark.parametrize(("name", "verdict"), list(zip(ACTORS, VERDICTS, strict=True)))
def test_the_page_refuses_whom_rest_refuses(
    request: pytest.FixtureRequest, april: Run, table_counts: Any, name: str, verdict: int
) -> None:
    client = browser(None if name == "anonymous" else request.getfixturevalue(name))
    before = table_counts()
    response = client.get(f"{page(april)}?kind=summary")
    assert response.status_code == (302 if verdict == 401 else verdict)
    if verdict != 200:
        assert table_counts() == before


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_reports_are_only_read(api: Any, april: Run, connie: User, method: str) -> None:
    assert getattr(browser(connie), method)(page(april)).status_code == 405
    assert getattr(api(connie), method)(address(april)).status_code == 405
