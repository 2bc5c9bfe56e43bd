"""Two people set up one source: who was slower is told, and nothing of the other's is lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse

from apps.common.errors import StaleVersion
from apps.ingestion.models import Source
from apps.ingestion.services import (
    change_mapping,
    connect_source,
    schedule_source,
    set_up_source,
)
from tests.ingestion.conftest import MAPPING
from tests.pages import text

OTHER = {**MAPPING, "decimal": ","}
MINE = {**MAPPING, "date_format": "%d.%m.%Y"}
SETTINGS = {"path": "april.csv"}
STALE = "This has changed since you opened it."

CALLS: dict[str, Callable[..., Source]] = {
    "mapping": lambda **seen: change_mapping(mapping=MINE, **seen),
    "connector": lambda **seen: connect_source(
        connector="drop", connector_settings={"path": "may.csv"}, **seen
    ),
    "schedule": lambda **seen: schedule_source(schedule="0 7 * * *", **seen),
    "all at once": lambda **seen: set_up_source(
        mapping=MINE,
        connector="",
        connector_settings=None,
        credentials=None,
        schedule="",
        **seen,
    ),
}
OTHERS: dict[str, Callable[..., Source]] = {
    "mapping": lambda **seen: change_mapping(mapping=OTHER, **seen),
    "connector": lambda **seen: connect_source(
        connector="drop", connector_settings=SETTINGS, **seen
    ),
    "schedule": lambda **seen: schedule_source(schedule="0 6 * * *", **seen),
}


@pytest.fixture
def fed(sales: Source, connie: Any) -> Source:
    """A source that is collected from the drop folder."""
    return connect_source(
        source_id=sales.pk, connector="drop", connector_settings={"path": "a.csv"}, actor=connie
    )


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("other", OTHERS)
def test_who_saw_an_earlier_setup_changes_nothing(
    call: str, other: str, fed: Source, connie: Any, table_counts: Any
) -> None:
    seen = fed.version
    OTHERS[other](source_id=fed.pk, actor=connie)
    after = Source.objects.values().get(pk=fed.pk)
    before = table_counts()
    with pytest.raises(StaleVersion):
        CALLS[call](source_id=fed.pk, actor=connie, expected_version=seen)
    assert Source.objects.values().get(pk=fed.pk) == after
    assert table_counts() == before


@pytest.mark.parametrize("call", CALLS)
def test_who_saw_the_latest_setup_changes_it(call: str, fed: Source, connie: Any) -> None:
    changed = CALLS[call](source_id=fed.pk, actor=connie, expected_version=fed.version)
    assert changed.version > fed.version


def test_a_mapping_saved_twice_is_no_conflict(sales: Source, connie: Any) -> None:
    for _ in range(2):
        change_mapping(source_id=sales.pk, mapping=MINE, actor=connie, expected_version=1)
    assert Source.objects.get(pk=sales.pk).version == 2


class TestDoors:
    @pytest.fixture
    def after(self, sales: Source, connie: Any) -> Any:
        """What the other person saved, while the page of version 1 is open."""
        change_mapping(source_id=sales.pk, mapping=OTHER, actor=connie)
        return Source.objects.values().get(pk=sales.pk)

    def test_the_mapping_as_json(
        self, sales: Source, visit: Any, connie: Any, table_counts: Any
    ) -> None:
        client = visit(connie)
        page = text(client.get(reverse("ingestion:mapping", args=[sales.pk])))
        assert '<input type="hidden" name="version" value="1"' in page
        change_mapping(source_id=sales.pk, mapping=OTHER, actor=connie)
        before = table_counts()
        sent = {"mapping": json.dumps(MINE), "version": "1"}
        answer = client.post(reverse("ingestion:try-mapping", args=[sales.pk]), sent)
        assert (answer.status_code, STALE in text(answer)) == (409, True)
        assert Source.objects.get(pk=sales.pk).mapping == OTHER
        assert table_counts() == before

    @pytest.mark.parametrize("version", ["1", "", "x", "²", "9" * 40])
    def test_the_mapping_as_a_form(
        self, version: str, after: Any, sales: Source, visit: Any, connie: Any
    ) -> None:
        sent = {
            "do": "save",
            "version": version,
            "f-count": "2",
            "f-0-field": "booked_on",
            "f-0-column": "day",
            "f-1-field": "amount",
            "f-1-column": "sum",
            "o-currency": "EUR",
        }
        answer = visit(connie).post(reverse("ingestion:mapping-act", args=[sales.pk]), sent)
        assert (answer.status_code, STALE in text(answer)) == (409, True)
        assert Source.objects.values().get(pk=sales.pk) == after

    def test_the_version_stays_through_rows_and_json(
        self, sales: Source, visit: Any, connie: Any
    ) -> None:
        client = visit(connie)
        url = reverse("ingestion:mapping-act", args=[sales.pk])
        hidden = 'name="version" value="7"'
        for act in ("add-field", "show-json", "preview"):
            assert hidden in text(client.post(url, {"do": act, "version": "7"}))
        back = {"do": "show-rows", "version": "7", "mapping": json.dumps(MAPPING)}
        assert hidden in text(client.post(url, back))

    def test_the_administration(self, sales: Source, visit: Any, connie: Any) -> None:
        client, url = visit(connie), reverse("admin:ingestion_source_change", args=[sales.pk])
        page = text(client.get(url))
        assert 'name="seen_version" value="1"' in page
        schedule_source(source_id=sales.pk, schedule="", actor=connie)
        change_mapping(source_id=sales.pk, mapping=OTHER, actor=connie)
        after = Source.objects.values().get(pk=sales.pk)
        sent = {
            "mapping": json.dumps(MAPPING),
            "connector": "drop",
            "connector_settings": json.dumps(SETTINGS),
            "new_credentials": "",
            "schedule": "",
            "seen_version": "1",
        }
        answer = client.post(url, sent)
        assert (answer.status_code, STALE in text(answer)) == (200, True)
        assert Source.objects.values().get(pk=sales.pk) == after
        sent["seen_version"] = str(after["version"])
        assert client.post(url, sent).status_code == 302

    @pytest.mark.parametrize(
        ("path", "body"),
        [
            ("mapping", {"mapping": MINE}),
            ("connect", {"connector": "drop", "settings": SETTINGS}),
            ("schedule", {"schedule": ""}),
        ],
    )
    def test_rest(
        self, path: str, body: Any, after: Any, sales: Source, api: Any, connie: Any
    ) -> None:
        url, client = f"/api/ingestion/sources/{sales.pk}", api(connie)
        assert client.get(url).json()["version"] == 2
        sent = {**body, "expected_version": 1}
        answer = client.post(f"{url}/{path}", sent, format="json")
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "STALE_VERSION")
        assert Source.objects.values().get(pk=sales.pk) == after
        sent["expected_version"] = 2
        assert client.post(f"{url}/{path}", sent, format="json").status_code == 200
