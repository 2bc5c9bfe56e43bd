"""The REST door of the imports."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.ingestion.models import Batch, FailedImport, Source
from apps.ingestion.services import define_source, retire_source
from tests.ingestion.conftest import ANNA, BERT, BROKEN, CORA, MAPPING, statement, table

UPLOAD = "/api/transactions/upload"
Sent = Callable[..., Any]


def file(content: bytes = b"", name: str = "april.csv") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content or table(ANNA, BERT))


@pytest.fixture
def send(api: Any, ivy: Any) -> Sent:
    """Upload as the integration: `send({"source": "sales", "file": file()})`."""

    def make(fields: dict[str, Any], user: Any = None, **headers: Any) -> Any:
        return api(user or ivy).post(UPLOAD, fields, format="multipart", **headers)

    return make


def test_a_file_is_imported(sales: Source, send: Sent) -> None:
    answer = send({"source": "sales", "file": file()})
    assert answer.status_code == 201
    body = answer.json()
    batch = Batch.objects.get()
    assert (body["id"], body["source"], body["entity"]) == (batch.pk, "sales", "HFS")
    assert (body["line_count"], body["added_count"], body["rejected_count"]) == (2, 2, 0)
    assert (body["control_totals"], body["is_new"]) == ({"EUR": "59.75"}, True)
    assert (body["imported_by"], body["sha256"]) == ("ivy", batch.sha256)


def test_a_known_file_is_answered_with_its_batch(
    sales: Source, send: Sent, table_counts: Any
) -> None:
    first = send({"source": "sales", "file": file()}).json()
    before = table_counts()
    answer = send({"source": str(sales.pk), "file": file(name="other.csv")})
    assert answer.status_code == 200
    assert answer.json() == {**first, "is_new": False}
    assert table_counts() == before


@pytest.mark.parametrize("headers", [{}, {"headers": {"Idempotency-Key": "k-1"}}])
def test_a_refused_file_is_422_with_its_place_and_stays_on_record(
    headers: dict[str, Any], sales: Source, send: Sent
) -> None:
    broken = table(ANNA, 'L-2,2023-04-04,1.00,"never closed,y,z,')
    answer = send({"source": "sales", "file": file(broken)}, **headers)
    assert answer.status_code == 422
    error = answer.json()["error"]
    failure = FailedImport.objects.get()
    assert error["code"] == "MALFORMED_FILE"
    assert error["message"] == failure.message
    assert error["details"] == {
        "failed_import": failure.pk,
        "line": 3,
        "remedy": failure.remedy,
    }
    assert not Batch.objects.exists()


def test_the_field_at_fault_is_named(bank: Source, send: Sent) -> None:
    other = statement(account="NL02ABNA0123456789").encode()
    answer = send({"source": "bank", "file": file(other, "bank.sta")})
    assert answer.json()["error"]["details"]["field"] == "account"


def test_an_empty_file_is_refused_on_the_record(sales: Source, send: Sent) -> None:
    answer = send({"source": "sales", "file": SimpleUploadedFile("empty.csv", b"")})
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == FailedImport.objects.get().code == "EMPTY_FILE"


def test_a_repeated_key_is_answered_with_the_first_answer(sales: Source, send: Sent) -> None:
    headers = {"headers": {"Idempotency-Key": "k-2"}}
    first = send({"source": "sales", "file": file()}, **headers)
    again = send({"source": "sales", "file": file()}, **headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again["Idempotent-Replay"] == "true"
    other = send({"source": "sales", "file": file(table(CORA))}, **headers)
    assert (other.status_code, other.json()["error"]["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")


def test_a_crash_with_a_key_leaves_nothing(
    sales: Source, send: Sent, monkeypatch: Any, table_counts: Any
) -> None:
    from apps.ingestion.api import files as door

    def crash(batch: Any) -> Any:
        raise RuntimeError("out of luck")

    before = table_counts()
    monkeypatch.setattr(door, "UploadedBatchSerializer", crash)
    answer = send({"source": "sales", "file": file()}, headers={"Idempotency-Key": "k-3"})
    assert answer.status_code == 500
    assert table_counts() == before


@pytest.mark.parametrize("is_announced", [True, False])
def test_a_file_past_the_limit_is_413(
    is_announced: bool,
    sales: Source,
    send: Sent,
    settings: Any,
    monkeypatch: Any,
    table_counts: Any,
) -> None:
    from apps.ingestion.api import files as door

    settings.UPLOAD_MAX_BYTES = 100
    if is_announced:  # refused before the body is read
        monkeypatch.setattr(door.UploadView, "post", None)
    before = table_counts()
    answer = send({"source": "sales", "file": file(b"x" * (101 + is_announced * 70_000))})
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "TOO_LARGE"
    assert table_counts() == before


def test_a_file_just_within_the_limit_is_taken(sales: Source, send: Sent, settings: Any) -> None:
    settings.UPLOAD_MAX_BYTES = len(table(ANNA))
    assert send({"source": "sales", "file": file(table(ANNA))}).status_code == 201


def bad_uploads() -> list[Any]:
    return [
        pytest.param({}, 422, id="nothing"),
        pytest.param({"source": "sales"}, 422, id="no file"),
        pytest.param({"file": file()}, 422, id="no source"),
        pytest.param({"source": "", "file": file()}, 422, id="blank source"),
        pytest.param({"source": "sales", "file": "text"}, 422, id="text for a file"),
        pytest.param({"source": "sales", "file": file(), "actor": "1"}, 422, id="unknown field"),
        pytest.param({"source": ["sales", "bank"], "file": file()}, 422, id="source twice"),
        pytest.param({"source": "sales", "file": [file(), file()]}, 422, id="file twice"),
        pytest.param({"source": "x" * 51, "file": file()}, 422, id="long source"),
        pytest.param({"source": "nul\0", "file": file()}, 422, id="NUL"),
        pytest.param({"source": "unknown", "file": file()}, 404, id="unknown source"),
        pytest.param({"source": "9" * 40, "file": file()}, 404, id="huge id"),
        pytest.param({"source": "-1", "file": file()}, 404, id="negative id"),
        pytest.param({"source": "sales", "entity": "TKO", "file": file()}, 404, id="entity"),
    ]


@pytest.mark.parametrize(("fields", "status"), bad_uploads())
def test_bad_uploads_change_nothing(
    fields: dict[str, Any], status: int, sales: Source, send: Sent, table_counts: Any
) -> None:
    before = table_counts()
    answer = send(fields)
    assert answer.status_code == status, answer.content
    assert set(answer.json()["error"]) == {
        "code",
        "message",
        "details",
        "timestamp",
        "request_id",
    }
    assert table_counts() == before


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        ('{"source": "sales"}', "application/json", 415),
        ("a=b", "application/x-www-form-urlencoded", 415),
        ("nothing like it", "multipart/form-data; boundary=x", 422),
        ("nothing like it", "multipart/form-data", 400),
    ],
)
def test_bodies_that_are_no_upload(
    body: str, content_type: str, status: int, api: Any, ivy: Any, table_counts: Any
) -> None:
    before = table_counts()
    answer = api(ivy).post(UPLOAD, body, content_type=content_type)
    assert answer.status_code == status, answer.content
    assert table_counts() == before


@pytest.mark.parametrize(
    ("who", "status"),
    [
        (None, 401),
        ("alice", 201),
        ("connie", 201),
        ("ivy", 201),
        ("rita", 403),
        ("bob", 403),
        ("otto", 403),
        ("ada", 404),
        ("victor", 404),
        ("charlie", 404),
    ],
)
def test_who_may_upload(
    who: str | None, status: int, request: Any, sales: Source, api: Any
) -> None:
    user = request.getfixturevalue(who) if who else None
    answer = api(user).post(UPLOAD, {"source": sales.pk, "file": file()}, format="multipart")
    assert answer.status_code == status
    assert Batch.objects.count() == (status == 201)
    assert not FailedImport.objects.exists()


def test_a_retired_source_is_409(sales: Source, send: Sent, connie: Any) -> None:
    retire_source(source_id=sales.pk, actor=connie)
    answer = send({"source": "sales", "file": file()})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "SOURCE_RETIRED")


def test_the_entity_settles_which_of_two_sources_is_meant(
    sales: Source, other_entity: Any, charlie: Any, system: Any, ivy: Any, send: Sent
) -> None:
    from apps.identity.models import User
    from apps.identity.services import grant_role

    define_source(entity_id=other_entity.pk, code="sales", name="S", mapping=MAPPING, actor=charlie)
    grant_role(user_id=ivy.pk, role="integration", entity_id=other_entity.pk, actor=system)
    both = User.objects.get(pk=ivy.pk)
    answer = send({"source": "sales", "file": file()}, both)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "SOURCE_AMBIGUOUS")
    answer = send({"source": "sales", "entity": "HFS", "file": file()}, both)
    assert (answer.status_code, answer.json()["entity"]) == (201, "HFS")


# --- Reading ---------------------------------------------------------------------------------


@pytest.fixture
def filled(sales: Source, bank: Source, bring: Any) -> Source:
    bring(sales, table(ANNA, BROKEN), "april.csv")
    bring(sales, table("L-9,2023-05-02,1.00,INV-9,,,"), "may.csv")
    bring(bank, statement(closing="C105,00", opening="C105,00"), "april.sta")
    bring(bank, b"", "empty.sta")
    bring(sales, table("L-9,2023-05-02,1.50,INV-9,,,"), "may2.csv")
    return sales


PATHS = ("sources", "batches", "rejected-lines", "failed-imports", "amendments")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("who", "status", "is_filled"),
    [
        (None, 401, False),
        ("otto", 200, True),
        ("ivy", 200, True),
        ("ada", 403, False),
        ("victor", 403, False),
        ("charlie", 200, False),
    ],
)
def test_who_sees_what(
    path: str,
    who: str | None,
    status: int,
    is_filled: bool,
    request: Any,
    api: Any,
    filled: Source,
) -> None:
    user = request.getfixturevalue(who) if who else None
    answer = api(user).get(f"/api/ingestion/{path}")
    assert answer.status_code == status
    if status == 200:
        assert bool(answer.json()["results"]) is is_filled


def test_what_others_have_is_not_there(api: Any, filled: Source, charlie: Any) -> None:
    for path, row in (
        ("sources", filled),
        ("batches", Batch.objects.first()),
        ("failed-imports", FailedImport.objects.first()),
    ):
        assert api(charlie).get(f"/api/ingestion/{path}/{row.pk}").status_code == 404


def test_a_batch_says_its_statements_but_no_account(api: Any, filled: Source, otto: Any) -> None:
    batch = Batch.objects.get(filename="april.sta")
    body = api(otto).get(f"/api/ingestion/batches/{batch.pk}").json()
    (facts,) = body["statements"]
    assert (facts["account_ending"], facts["ties"]) == ("0200", True)
    assert "account_keys" not in facts


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("batches?source=sales", ["may2.csv", "may.csv", "april.csv"]),
        ("batches?file_format=mt940", ["april.sta"]),
        ("batches?covers_from=2023-05-01", ["may2.csv", "may.csv"]),
        ("batches?covers_until=2023-04-30", ["april.sta", "april.csv"]),
        ("batches?has_rejected=true", ["april.csv"]),
        ("batches?has_rejected=false", ["may2.csv", "april.sta", "may.csv"]),
        ("batches?entity=TKO", []),
        ("batches?imported_since=2999-01-01T00:00:00Z", []),
        ("failed-imports?source=bank", ["empty.sta"]),
        ("failed-imports?code=OTHER", []),
    ],
)
def test_filters(query: str, found: list[str], api: Any, filled: Source, otto: Any) -> None:
    rows = api(otto).get(f"/api/ingestion/{query}").json()["results"]
    assert [row["filename"] for row in rows] == found


def test_rejected_lines_by_batch(api: Any, filled: Source, otto: Any) -> None:
    batch = Batch.objects.get(filename="april.csv")
    rows = api(otto).get(f"/api/ingestion/rejected-lines?batch={batch.pk}").json()["results"]
    assert [(row["batch"], row["source"], row["line"], row["field"]) for row in rows] == [
        (batch.pk, "sales", 3, "amount")
    ]
    assert api(otto).get("/api/ingestion/rejected-lines?batch=0").json()["results"] == []


def test_amendments_name_both_lines(api: Any, filled: Source, otto: Any) -> None:
    (row,) = api(otto).get("/api/ingestion/amendments?external_id=L-9").json()["results"]
    after, before = Batch.objects.get(filename="may2.csv"), Batch.objects.get(filename="may.csv")
    assert (row["source"], row["batch"], row["line"]) == ("sales", after.pk, 2)
    assert (row["superseded_batch"], row["superseded_line"]) == (before.pk, 2)


@pytest.mark.parametrize(
    "query",
    [
        "batches?covers_from=yesterday",
        "batches?imported_since=x",
        "rejected-lines?batch=" + "9" * 30,
        "rejected-lines?batch=1.5",
        "batches?cursor=nonsense",
    ],
)
def test_bad_queries_are_refused(query: str, api: Any, filled: Source, otto: Any) -> None:
    answer = api(otto).get(f"/api/ingestion/{query}")
    assert answer.status_code in {404, 422}, answer.content
    assert "error" in answer.json()


@pytest.mark.parametrize("path", ["batches/abc", "batches/" + "9" * 40, "sources/0"])
def test_ids_that_are_none_are_404(path: str, api: Any, filled: Source, otto: Any) -> None:
    assert api(otto).get(f"/api/ingestion/{path}").status_code == 404


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nothing_is_written_by_reading(
    path: str, method: str, api: Any, filled: Source, connie: Any, table_counts: Any
) -> None:
    before = table_counts()
    answer = getattr(api(connie), method)(f"/api/ingestion/{path}", {}, format="json")
    is_set_up = (path, method) == ("sources", "post")  # a door, but nothing goes through empty
    assert answer.status_code == (422 if is_set_up else 405)
    assert table_counts() == before
