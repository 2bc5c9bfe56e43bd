"""REST of controls and packages: who gets what, filters, idempotency, bad input."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import transaction
from reporting.stage import CONTROL

from apps.audit.models import Event
from apps.compliance.models import Control, EvidencePackage

CONTROLS, PACKAGES = "/api/compliance/controls", "/api/compliance/packages"
BODY = {"entity": "HFS", **CONTROL, "identifier": "C-9"}
ACTORS = ("anonymous", "victor", "ivy", "alice", "rita", "bob", "connie", "otto", "ada", "charlie")

# Verdicts in the order of ACTORS. Charlie holds every role in another entity: 404 on what is ours.
TABLE = {
    "list controls": (401, 403, 403, 200, 200, 200, 200, 200, 403, 200),
    "see control": (401, 403, 403, 200, 200, 200, 200, 200, 403, 404),
    "add control": (401, 404, 403, 403, 403, 403, 201, 403, 403, 404),
    "list packages": (401, 403, 403, 200, 200, 200, 200, 200, 403, 200),
    "see package": (401, 403, 403, 200, 200, 200, 200, 200, 403, 404),
    "download": (401, 403, 403, 403, 403, 403, 200, 200, 403, 404),
}


@pytest.fixture
def stage(
    seal: Callable[..., EvidencePackage], foreign: EvidencePackage
) -> dict[str, tuple[str, str, Any]]:
    """Method, address and body of every verb, with real ids."""
    package = seal()
    control = Control.objects.filter(entity=package.entity).first()
    assert control is not None
    return {
        "list controls": ("get", CONTROLS, None),
        "see control": ("get", f"{CONTROLS}/{control.pk}", None),
        "add control": ("post", CONTROLS, BODY),
        "list packages": ("get", PACKAGES, None),
        "see package": ("get", f"{PACKAGES}/{package.pk}", None),
        "download": ("get", f"{PACKAGES}/{package.pk}/document", None),
    }


@pytest.mark.parametrize("position", range(len(ACTORS)), ids=ACTORS)
def test_every_actor_gets_the_verdict_of_the_table(
    request: pytest.FixtureRequest, api: Any, stage: Any, table_counts: Any, position: int
) -> None:
    """All verbs of one actor, each tried on the same stage and undone."""
    name = ACTORS[position]
    client = api(None if name == "anonymous" else request.getfixturevalue(name))
    assert set(stage) == set(TABLE)
    for verb, (method, url, sent) in stage.items():
        before = table_counts()
        with transaction.atomic():
            response = getattr(client, method)(url, sent, format="json")
            verdict = TABLE[verb][position]
            assert response.status_code == verdict, (verb, response.content)
            if verdict >= 400 or verb.startswith(("list", "see")):
                assert table_counts() == before, verb
            transaction.set_rollback(True)


def test_what_others_have_looks_like_what_does_not_exist(
    api: Any, stage: Any, charlie: Any
) -> None:
    client = api(charlie)
    asked = [entry for entry in stage.values() if re.search(r"/\d+", entry[1])]
    assert len(asked) == 3
    for method, url, _ in asked:
        told = []
        for address in (url, re.sub(r"/\d+", "/987654321", url)):
            response = getattr(client, method)(address)
            error = response.json()["error"]
            told.append((response.status_code, error["code"], error["message"], error["details"]))
        assert told[0] == told[1]
        assert told[0][0] == 404


def test_lists_show_nothing_of_others(api: Any, stage: Any, charlie: Any, otto: Any) -> None:
    for who, entity in ((charlie, "TKO"), (otto, "HFS")):
        for path in (CONTROLS, PACKAGES):
            rows = api(who).get(path).json()["results"]
            assert {row["entity"] for row in rows} == {entity}


def test_a_role_without_the_permission_shows_nothing_of_its_entity(
    api: Any, stage: Any, person: Any, entity: Any, other_entity: Any, system: Any
) -> None:
    """Auditor there, administrator here: what is here stays unseen."""
    from apps.identity.models import User
    from apps.identity.services import grant_role

    both = person("both", "administrator", on=entity)
    grant_role(user_id=both.pk, role="auditor", entity_id=other_entity.pk, actor=system)
    client = api(User.objects.get(pk=both.pk))
    for verb in ("see control", "see package", "download"):
        assert client.get(stage[verb][1]).status_code == 404, verb
    for path in (CONTROLS, PACKAGES):
        assert {row["entity"] for row in client.get(path).json()["results"]} == {"TKO"}


# --- Controls -------------------------------------------------------------------------------


def test_a_control_is_described_and_read_back(api: Any, close_run: Any, connie: Any) -> None:
    client = api(connie)
    made = client.post(CONTROLS, BODY, format="json")
    assert made.status_code == 201
    control = Control.objects.get(identifier="C-9")
    assert made.json() == {
        "id": control.pk,
        **BODY,
        "is_key": True,
        "frequency": "monthly",
        "version": 1,
    }
    assert client.get(f"{CONTROLS}/{control.pk}").json() == made.json()


def test_a_repeated_request_describes_it_once(api: Any, close_run: Any, connie: Any) -> None:
    client = api(connie)
    headers = {"HTTP_IDEMPOTENCY_KEY": "one-control"}
    first = client.post(CONTROLS, BODY, format="json", **headers)
    second = client.post(CONTROLS, BODY, format="json", **headers)
    assert (first.status_code, second.status_code) == (201, 201)
    assert second["Idempotent-Replay"] == "true"
    assert first.json() == second.json()
    assert Control.objects.filter(identifier="C-9").count() == 1
    other = client.post(CONTROLS, {**BODY, "name": "Other"}, format="json", **headers)
    assert other.json()["error"]["code"] == "IDEMPOTENCY_KEY_REUSED"


@pytest.mark.parametrize(
    ("query", "identifiers"),
    [
        ("", ["C-2", "C-1"]),
        ("?entity=HFS", ["C-2", "C-1"]),
        ("?entity=TKO", []),
        ("?identifier=C-2", ["C-2"]),
        ("?is_key=true", ["C-1"]),
        ("?owner_role=preparer&nature=detective", ["C-2", "C-1"]),
        ("?automation=manual", []),
        ("?page_size=1", ["C-2"]),
    ],
)
def test_controls_are_filtered(
    api: Any, stage: Any, otto: Any, query: str, identifiers: list[str]
) -> None:
    rows = api(otto).get(f"{CONTROLS}{query}").json()["results"]
    assert [row["identifier"] for row in rows] == identifiers


BAD = [
    ("nothing", {}, "entity"),
    ("another key", {**BODY, "colour": "red"}, "colour"),
    ("a taken identifier", {**BODY, "identifier": "C-1"}, "identifier"),
    ("no list", {**BODY, "assertions": "existence"}, "assertions"),
    ("an empty list", {**BODY, "assertions": []}, "assertions"),
    ("an assertion twice", {**BODY, "assertions": ["rights", "rights"]}, "assertions"),
    ("an invented assertion", {**BODY, "assertions": ["luck"]}, "assertions"),
    ("a nested list", {**BODY, "assertions": [["rights"]]}, "assertions"),
    ("a number as name", {**BODY, "name": {"a": 1}}, "name"),
    ("a blank name", {**BODY, "name": "  "}, "name"),
    ("a NUL character", {**BODY, "name": "a\x00"}, "name"),
    ("an endless risk", {**BODY, "risk": "x" * 4_001}, "risk"),
    ("an invented role", {**BODY, "owner_role": "king"}, "owner_role"),
    ("a null", {**BODY, "nature": None}, "nature"),
    ("no boolean", {**BODY, "is_key": "perhaps"}, "is_key"),
    ("many tasks", {**BODY, "task_keys": [f"t{n}" for n in range(101)]}, "task_keys"),
    ("a blank task", {**BODY, "task_keys": [""]}, "task_keys"),
    ("a list as body", [BODY], ""),
]


@pytest.mark.parametrize(("what", "sent", "field"), BAD, ids=[each[0] for each in BAD])
def test_bad_input_is_told_and_changes_nothing(
    api: Any, stage: Any, connie: Any, what: str, sent: Any, field: str, table_counts: Any
) -> None:
    before = table_counts()
    response = api(connie).post(CONTROLS, sent, format="json")
    assert 400 <= response.status_code < 500, response.content
    error = response.json()["error"]
    assert set(error) == {"code", "message", "details", "timestamp", "request_id"}
    assert field in str(error["details"])
    assert table_counts() == before


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"a": NaN}', b'{"a": 1, "a": 2}', b"\xff\xfe", b"[" * 10_000]
)
def test_a_body_that_is_no_json(
    api: Any, stage: Any, connie: Any, body: bytes, table_counts: Any
) -> None:
    before = table_counts()
    response = api(connie).post(CONTROLS, body, content_type="application/json")
    assert 400 <= response.status_code < 500
    assert "error" in response.json()
    assert table_counts() == before


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_nothing_is_changed_or_deleted(
    api: Any, stage: Any, connie: Any, method: str, table_counts: Any
) -> None:
    before = table_counts()
    for verb in ("see control", "see package", "list controls", "list packages"):
        response = getattr(api(connie), method)(stage[verb][1], BODY, format="json")
        assert response.status_code == 405
    assert table_counts() == before


# --- Packages -------------------------------------------------------------------------------


def test_a_package_is_read_with_its_manifest(
    api: Any, seal: Callable[..., EvidencePackage], otto: Any
) -> None:
    first, second = seal(), seal(document=b"%PDF second")
    listed = api(otto).get(PACKAGES).json()["results"]
    assert [(row["id"], row["version"], row["is_superseded"]) for row in listed] == [
        (second.pk, 2, False),
        (first.pk, 1, True),
    ]
    assert "manifest" not in listed[0]
    shown = api(otto).get(f"{PACKAGES}/{second.pk}").json()
    assert shown["manifest"] == second.manifest
    assert shown["supersedes"] == first.pk
    assert (shown["period"], shown["made_by"]) == ("2023-04", "connie")
    assert shown["document_sha256"] == hashlib.sha256(b"%PDF second").hexdigest()


@pytest.mark.parametrize(
    ("query", "versions"),
    [
        ("?is_superseded=false", [2]),
        ("?is_superseded=true", [1]),
        ("?period=2023-04", [2, 1]),
        ("?period=2023-05", []),
        ("?entity=TKO", []),
        ("?version=1", [1]),
    ],
)
def test_packages_are_filtered(
    api: Any,
    seal: Callable[..., EvidencePackage],
    otto: Any,
    query: str,
    versions: list[int],
) -> None:
    seal()
    seal(document=b"%PDF second")
    rows = api(otto).get(f"{PACKAGES}{query}").json()["results"]
    assert [row["version"] for row in rows] == versions


@pytest.mark.parametrize("accept", [None, "application/pdf", "*/*", "application/json"])
def test_the_document_comes_as_a_file_and_on_record(
    api: Any, seal: Callable[..., EvidencePackage], otto: Any, accept: str | None
) -> None:
    package = seal()
    headers = {"HTTP_ACCEPT": accept} if accept else {}
    response = api(otto).get(f"{PACKAGES}/{package.pk}/document", **headers)
    assert response.status_code == 200
    assert b"".join(response.streaming_content) == b"%PDF signed"
    assert response["Content-Type"] == "application/pdf"
    assert response["Content-Disposition"] == ('attachment; filename="HFS-2023-04-evidence-v1.pdf"')
    assert response["Content-Length"] == "11"
    assert response["Cache-Control"] == "private, no-store"
    digest = base64.b64decode(response["Repr-Digest"].removeprefix("sha-256=:").removesuffix(":"))
    assert digest.hex() == package.document_sha256
    event = Event.objects.get(action="compliance.package.download")
    assert event.actor == otto


@pytest.mark.parametrize("accept", ["application/json", "application/pdf"])
@pytest.mark.parametrize("fault", ["lost", "changed", "not permitted"])
def test_what_cannot_be_handed_out_is_an_envelope_whatever_was_asked_for(
    api: Any,
    seal: Callable[..., EvidencePackage],
    otto: Any,
    alice: Any,
    accept: str,
    fault: str,
    table_counts: Any,
) -> None:
    from django.core.files.base import ContentFile

    package = seal()
    if fault != "not permitted":
        default_storage.delete(package.document_name)
    if fault == "changed":
        default_storage.save(package.document_name, ContentFile(b"x" * 80))
    before = table_counts()
    who = alice if fault == "not permitted" else otto
    response = api(who).get(f"{PACKAGES}/{package.pk}/document", HTTP_ACCEPT=accept)
    assert response["Content-Type"] == "application/json"
    code = response.json()["error"]["code"]
    assert (
        code
        == {
            "lost": "PACKAGE_MISSING",
            "changed": "PACKAGE_CHANGED",
            "not permitted": "NOT_PERMITTED",
        }[fault]
    )
    assert table_counts() == before


@pytest.mark.parametrize("key", ["0", "-1", "x", "1.5", "9" * 30, "%00", "1/document/more"])
def test_addresses_that_name_nothing(api: Any, stage: Any, otto: Any, key: str) -> None:
    for path in (CONTROLS, PACKAGES):
        assert api(otto).get(f"{path}/{key}").status_code == 404


@pytest.mark.parametrize(
    "query", ["version=x", "close_run=x", "is_superseded=perhaps", "version=" + "9" * 40]
)
def test_filters_that_cannot_be_read(api: Any, stage: Any, otto: Any, query: str) -> None:
    response = api(otto).get(f"{PACKAGES}?{query}")
    assert response.status_code in {200, 422}, response.content
    if response.status_code == 200:
        assert response.json()["results"] == [] or "perhaps" in query
