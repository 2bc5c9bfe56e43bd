"""The pages of evidence: what they say of each package, and who may take one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.audit.models import Event
from apps.common.paging import newest_first
from apps.compliance import registry
from apps.compliance.models import EvidencePackage
from apps.compliance.states import Verdict
from tests.pages import text

Seal = Callable[..., EvidencePackage]


@pytest.fixture
def trusting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check of what is in the document is not at stake here: it holds."""
    monkeypatch.setattr(registry, "_CHECKS", [lambda package, document: Verdict.VALID])


# --- The list -------------------------------------------------------------------------------


def test_the_list_tells_verdict_version_and_what_is_superseded(
    visit: Any, seal: Seal, trusting: None, otto: Any
) -> None:
    first, second = seal(), seal(document=b"%PDF second")
    response = visit(otto).get("/evidence/")
    shown = text(response)
    assert response.status_code == 200
    assert "<strong>1</strong> package in force, checked just now" in shown
    assert shown.index("version 2") < shown.index("version 1")
    assert ">Valid<" in shown
    assert ">Superseded<" in shown
    for package in (first, second):
        assert f'href="/evidence/{package.pk}/"' in shown
        assert f'href="/evidence/{package.pk}/document/"' in shown
        assert package.manifest_root[:16] in shown
    assert "sha256sum --check SHA256SUMS" in shown
    assert 'aria-current="page">Evidence' in shown


FAULTS = [
    ("lost", None, Verdict.VALID, "Missing"),
    ("altered", b"x" * 80, Verdict.VALID, "Changed"),
    ("signed by another", b"", Verdict.UNTRUSTED, "Not trusted"),
    ("unchecked", b"", Verdict.UNCHECKED, "Not checked"),
]


@pytest.mark.parametrize(("what", "stored", "verdict", "word"), FAULTS, ids=[f[0] for f in FAULTS])
def test_what_cannot_be_relied_on_is_said_first(
    visit: Any,
    seal: Seal,
    otto: Any,
    monkeypatch: pytest.MonkeyPatch,
    what: str,
    stored: bytes | None,
    verdict: Verdict,
    word: str,
) -> None:
    package = seal()
    monkeypatch.setattr(registry, "_CHECKS", [lambda package, document: verdict])
    if stored is None or stored:
        default_storage.delete(package.document_name)
    if stored:
        default_storage.save(package.document_name, ContentFile(stored))
    for path in ("/evidence/", f"/evidence/{package.pk}/"):
        shown = text(visit(otto).get(path))
        assert f">{word}<" in shown
        assert ">Valid<" not in shown
    assert "cannot be relied on" in text(visit(otto).get("/evidence/"))


def test_an_empty_list_says_where_packages_come_from(visit: Any, close_run: Any, otto: Any) -> None:
    shown = text(visit(otto).get("/evidence/"))
    assert "No evidence has been made for Harbour Field Services yet." in shown
    assert "The close makes the package" in shown


def test_pages_of_the_list(
    visit: Any, seal: Seal, trusting: None, otto: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from apps.compliance import views

    monkeypatch.setattr(views, "_BY_ID", newest_first(2))
    keys = [seal(document=b"%%PDF %d" % number).pk for number in range(5)]
    browser, query, seen = visit(otto), "", []
    while query is not None:
        context = browser.get(f"/evidence/{query}").context
        seen += [row["package"].pk for row in context["rows"]]
        previous, query = context["previous_url"], context["next_url"]
    assert seen == keys[::-1]
    back = browser.get(f"/evidence/{previous}").context
    assert [row["package"].pk for row in back["rows"]] == [keys[2], keys[1]]
    assert "All of these were superseded" in text(browser.get(f"/evidence/?before={keys[2]}"))
    assert browser.get("/evidence/?before=1").context["rows"] == []
    assert len(browser.get("/evidence/?before=x&after=-1").context["rows"]) == 2


def test_a_list_takes_a_fixed_number_of_queries(
    visit: Any, seal: Seal, trusting: None, otto: Any
) -> None:
    browser = visit(otto)

    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            browser.get("/evidence/")
        return len(queries)

    seal()
    one = count()
    for number in range(4):
        seal(document=b"%%PDF %d" % number)
    assert count() == one


# --- One package ----------------------------------------------------------------------------


def test_a_package_tells_its_files_and_digests(
    visit: Any, seal: Seal, trusting: None, otto: Any
) -> None:
    item = {
        "path": "exceptions.csv",
        "sha256": "e" * 64,
        "size_bytes": 1204,
        "media_type": "text/csv",
    }
    import hashlib

    from apps.audit.services import canonical_bytes

    manifest = {"items": [item], "package": "p", "schema": "s"}
    root = hashlib.sha256(canonical_bytes(manifest)).hexdigest()
    first = seal(manifest=manifest, manifest_root=root)
    second = seal()
    shown = text(visit(otto).get(f"/evidence/{first.pk}/"))
    for words in (
        "exceptions.csv",
        "1,204",
        root,
        first.document_sha256,
        first.certificate_sha256,
        "HFS-2023-04-evidence-v1.pdf, 11 bytes",
        f'It was superseded by <a href="/evidence/{second.pk}/">version 2</a>',
        f"/close/runs/{first.close_run_id}/",
    ):
        assert words in shown
    newer = text(visit(otto).get(f"/evidence/{second.pk}/"))
    assert f'<a href="/evidence/{first.pk}/">version 1</a>' in newer


def test_who_may_not_download_reads_who_can(
    visit: Any, seal: Seal, trusting: None, alice: Any, otto: Any
) -> None:
    package = seal()
    shown = text(visit(alice).get(f"/evidence/{package.pk}/"))
    assert "Download the PDF" not in shown
    assert "Connie, Otto can download it." in shown
    assert f"/evidence/{package.pk}/document/" not in text(visit(alice).get("/evidence/"))


# --- The document ---------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["connie", "otto"])
def test_the_document_is_handed_out_on_record(
    visit: Any, seal: Seal, who: str, request: Any
) -> None:
    actor, package = request.getfixturevalue(who), seal()
    response = visit(actor).get(f"/evidence/{package.pk}/document/")
    assert b"".join(response.streaming_content) == b"%PDF signed"
    assert response["Content-Disposition"] == 'attachment; filename="HFS-2023-04-evidence-v1.pdf"'
    assert Event.objects.get(action="compliance.package.download").actor == actor


CODES = [
    ("alice", 200, 200, 403),
    ("rita", 200, 200, 403),
    ("bob", 200, 200, 403),
    ("ivy", 403, 403, 404),
    ("ada", 403, 403, 404),
    ("victor", 403, 403, 404),
    ("charlie", 200, 404, 404),
]


@pytest.mark.parametrize(("who", "listed", "page", "document"), CODES)
def test_who_gets_what(
    visit: Any,
    seal: Seal,
    trusting: None,
    who: str,
    listed: int,
    page: int,
    document: int,
    request: Any,
    table_counts: Any,
) -> None:
    package = seal()
    browser = visit(request.getfixturevalue(who))
    before = table_counts()
    assert browser.get("/evidence/").status_code == listed
    assert browser.get(f"/evidence/{package.pk}/").status_code == page
    assert browser.get(f"/evidence/{package.pk}/document/").status_code == document
    assert table_counts() == before


def test_whoever_is_not_signed_in_is_asked_to(seal: Seal) -> None:
    package = seal()
    for path in ("", f"{package.pk}/", f"{package.pk}/document/"):
        response = Client().get(f"/evidence/{path}")
        assert response.status_code == 302
        assert "login" in response["Location"]


def test_a_lost_document_is_a_page_that_says_so(visit: Any, seal: Seal, otto: Any) -> None:
    package = seal()
    default_storage.delete(package.document_name)
    response = visit(otto).get(f"/evidence/{package.pk}/document/")
    assert response.status_code == 409
    assert "is not in the storage" in text(response)
    assert not Event.objects.filter(action="compliance.package.download").exists()


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_other_methods_are_refused(visit: Any, seal: Seal, connie: Any, method: str) -> None:
    package = seal()
    for path in ("", f"{package.pk}/", f"{package.pk}/document/"):
        assert getattr(visit(connie), method)(f"/evidence/{path}").status_code == 405
