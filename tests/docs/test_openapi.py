"""The OpenAPI document: complete, valid, built, and served as it was built."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from django.core.management import CommandError, call_command
from django.urls import get_resolver
from rest_framework.views import APIView

from apps.operations import openapi
from apps.operations.openapi import generated_schema, schema_file


@pytest.fixture(scope="module")
def text() -> str:
    return generated_schema()


@pytest.fixture(scope="module")
def document(text: str) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load(text)
    return read


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_the_built_document_is_what_the_doors_are_now(text: str) -> None:
    assert schema_file().read_text("utf-8") == text, "run bin/finflow build_schema"


def test_it_is_generated_the_same_twice(text: str) -> None:
    assert generated_schema() == text


def test_every_operation_is_described_and_says_how_it_refuses(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        assert operation.get("summary"), f"{method} {path} says nothing"
        assert operation["responses"]["default"] == {"$ref": "#/components/responses/Error"}


def test_operations_are_grouped_by_app(document: dict[str, Any]) -> None:
    tags = {tag for _path, _method, operation in operations(document) for tag in operation["tags"]}

    assert {"auth", "ledger", "close", "ingestion", "reconciliation", "approvals"} <= tags
    assert "api" not in tags


def test_what_is_posted_below_api_may_be_repeated(document: dict[str, Any]) -> None:
    """All but what changes nothing at all: the answer would be kept, with personal data in it."""
    unrepeatable = [
        path
        for path, method, operation in operations(document)
        if method == "post"
        and path.startswith("/api/")
        and "Idempotency-Key" not in {given["name"] for given in operation.get("parameters", [])}
    ]

    assert unrepeatable == ["/api/ingestion/sources/{id}/mapping/preview"]


def test_every_rest_door_is_in_it(document: dict[str, Any]) -> None:
    assert rest_paths() - {"/api/schema", "/api/docs"} == set(document["paths"])


def rest_paths() -> set[str]:
    """Every path below /api and /auth that Django would find, written as OpenAPI does."""
    return {
        plain
        for path in _paths(get_resolver(), "/")
        if (plain := path).startswith(("/api/", "/auth/"))
    }


def _paths(resolver: Any, before: str) -> Iterator[str]:
    for entry in resolver.url_patterns:
        path = before + _plain(str(entry.pattern))
        if hasattr(entry, "url_patterns"):
            yield from _paths(entry, path)
        elif path.startswith(("/api/", "/auth/")):
            yield path


def _plain(pattern: str) -> str:
    """`(?P<pk>[^/.]+)` and `<int:pk>` as `{id}`, without anchors."""
    named = re.sub(r"\(\?P<(\w+)>[^)]*\)|<(?:\w+:)?(\w+)>", r"{\1\2}", pattern)
    return re.sub(r"\\Z|[\^$]", "", named).replace("{pk}", "{id}")


def test_amounts_are_text(document: dict[str, Any]) -> None:
    line = document["components"]["schemas"]["LedgerLineInputRequest"]["properties"]

    assert line["debit"] == {"type": "string", "format": "decimal", "example": "1234.50"}


def test_no_number_of_it_is_a_float(document: dict[str, Any]) -> None:
    """Filters take numbers; what is sent and answered has none with a fraction."""
    assert "'type': 'number'" not in str(document["components"])


def test_states_are_named_after_their_app(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]

    assert {"LedgerEntryStatus", "CloseRunStatus", "ReconciliationRunStatus"} <= set(schemas)


class TestBuilding:
    """`bin/finflow build_schema`."""

    @pytest.fixture
    def file(self, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
        made = tmp_path / "openapi.yaml"
        monkeypatch.setattr(
            "apps.operations.management.commands.build_schema.schema_file", lambda: made
        )
        return made

    def test_it_writes_the_document(
        self, file: Any, text: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        call_command("build_schema")

        assert file.read_text("utf-8") == text
        assert "operations." in capsys.readouterr().out

    def test_a_door_that_does_not_describe_itself_stops_it(
        self, file: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Undescribed(APIView):
            def get(self, request: Any) -> None:
                """Answers with nothing that could be told."""

        self._only_door(monkeypatch, Undescribed)

        with pytest.raises(CommandError, match="unable to guess serializer"):
            call_command("build_schema")

        assert not file.exists()

    def test_a_document_that_is_not_valid_stops_it(
        self, file: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def describe(*_: Any, **__: Any) -> dict[str, Any]:
            return {"openapi": "3.0.3", "paths": {}}

        monkeypatch.setattr(openapi.SchemaGenerator, "get_schema", describe)

        with pytest.raises(CommandError, match="'info' is a required property"):
            call_command("build_schema")

        assert not file.exists()

    def _only_door(self, monkeypatch: pytest.MonkeyPatch, view: Any) -> None:
        from django.urls import path

        generator = openapi.SchemaGenerator
        monkeypatch.setattr(
            openapi,
            "SchemaGenerator",
            lambda: generator(patterns=[path("api/odd", view.as_view())]),
        )


class TestServing:
    """GET /api/schema and /api/docs."""

    def test_it_is_the_built_file_and_nothing_is_generated(
        self, client: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(openapi, "generated_schema", None)

        answer = client.get("/api/schema")

        assert answer.status_code == 200
        assert answer["Content-Type"] == "application/vnd.oai.openapi"
        assert b"".join(answer.streaming_content) == schema_file().read_bytes()

    def test_who_has_it_is_not_sent_it_again(self, client: Any) -> None:
        tag = client.get("/api/schema")["ETag"]

        answer = client.get("/api/schema", headers={"If-None-Match": tag})

        assert answer.status_code == 304

    @pytest.mark.parametrize("path", ["/api/schema", "/api/docs"])
    @pytest.mark.parametrize("method", ["post", "put", "delete"])
    def test_it_only_reads(self, client: Any, path: str, method: str) -> None:
        assert getattr(client, method)(path).status_code == 405

    def test_the_page_names_nothing_outside_and_has_no_inline_script(self, client: Any) -> None:
        answer = client.get("/api/docs")
        page = answer.content.decode()

        assert answer.status_code == 200
        assert "http://" not in page
        assert "https://" not in page
        assert "<script>" not in page
        assert "<style" not in page
        assert 'data-schema="/api/schema"' in page
        assert "'unsafe" not in answer["Content-Security-Policy"]
