"""Sources get a connector, and lose it."""

from __future__ import annotations

from typing import Any

import pytest

from apps.audit.models import Event
from apps.common.errors import NotPermitted, NotVisible, Refusal
from apps.ingestion.connectors import ConnectorInvalid, PullFailed
from apps.ingestion.errors import SourceRetired
from apps.ingestion.models import Source
from apps.ingestion.services import connect_source, retire_source
from tests.ingestion.conftest import PATH


class TestConnecting:
    def test_settings_are_kept_and_recorded_without_credentials(
        self, sales: Source, connie: Any, settings: Any
    ) -> None:
        settings.STORAGE_PROTOCOLS = ["memory"]
        url = {"url": "memory://bucket/{period}.csv"}
        source = connect_source(
            source_id=sales.pk, connector="drop", connector_settings=url, actor=connie
        )
        assert (source.connector, source.connector_settings) == ("drop", url)
        event = Event.objects.get(action="ingestion.source.connect")
        assert event.details == {"connector": "drop", "settings": url, "credentials": []}

    def test_taking_it_away_leaves_nothing(self, feed: Source, connie: Any) -> None:
        source = connect_source(source_id=feed.pk, connector="", actor=connie)
        assert (source.connector, source.connector_settings, source.credentials) == ("", {}, "")

    @pytest.mark.parametrize(
        ("who", "changes", "refusal", "field"),
        [
            ("alice", {}, NotPermitted, ""),
            ("charlie", {}, NotVisible, ""),
            ("connie", {"connector": "ftp"}, ConnectorInvalid, "connector"),
            ("connie", {"connector_settings": {"path": "/x"}}, ConnectorInvalid, "path"),
            ("connie", {"connector_settings": {"url": "file:///x"}}, ConnectorInvalid, "url"),
            ("connie", {"connector_settings": {"path": {1, 2}}}, ConnectorInvalid, "settings"),
            ("connie", {"connector_settings": {"path": "a\0"}}, ConnectorInvalid, "settings"),
            ("connie", {"connector_settings": ["path"]}, ConnectorInvalid, "settings"),
            ("connie", {"credentials": {"key": "x"}}, ConnectorInvalid, "credentials.key"),
        ],
    )
    def test_refusals_change_nothing(
        self,
        who: str,
        changes: dict[str, Any],
        refusal: type[Refusal],
        field: str,
        request: Any,
        sales: Source,
        table_counts: Any,
    ) -> None:
        actor = request.getfixturevalue(who)
        before = table_counts()
        asked = {"connector": "drop", "connector_settings": PATH, **changes}
        with pytest.raises(refusal) as caught:
            connect_source(source_id=sales.pk, actor=actor, **asked)
        assert caught.value.field == field
        assert table_counts() == before
        assert Source.objects.get(pk=sales.pk).connector == ""

    def test_a_retired_source_is_not_connected(self, sales: Source, connie: Any) -> None:
        retire_source(source_id=sales.pk, actor=connie)
        with pytest.raises(SourceRetired):
            connect_source(source_id=sales.pk, connector="drop", actor=connie)

    def test_an_entity_whose_code_leaves_the_folder_has_no_drop(
        self, sales: Source, connie: Any, monkeypatch: Any
    ) -> None:
        from apps.ingestion.services.connecting import site_of

        sales.entity.code = ".."
        with pytest.raises(ConnectorInvalid):
            site_of(sales.entity)


def test_failures_are_refusals_with_a_remedy() -> None:
    for kind in (PullFailed, *PullFailed.__subclasses__()):
        assert kind().message
