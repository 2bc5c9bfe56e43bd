"""The doors of connectors: REST, pages, the administration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse

from apps.ingestion.connectors.drop import Drop
from apps.ingestion.connectors.errors import AccessRefused, Unreachable
from apps.ingestion.models import Pull, Source
from apps.ingestion.services import ask_pull, connect_source, perform_pull
from apps.ingestion.services.connecting import credentials_of
from apps.ingestion.views.feeds import schedule_words
from tests.ingestion.conftest import ANNA, MAPPING, PATH, table
from tests.ingestion.test_pulls import APRIL
from tests.pages import text

SOURCES = "/api/ingestion/sources"
PULLS = "/api/ingestion/pulls"


@pytest.fixture
def feed(sales: Source, connie: Any, tmp_path: Path, settings: Any, entity: Any) -> Source:
    settings.FILE_DROP_DIR = str(tmp_path)
    settings.EGRESS_HOSTS = ["db.example.com"]
    (tmp_path / entity.code / "2023-04").mkdir(parents=True)
    (tmp_path / entity.code / "2023-04/sales.csv").write_bytes(table(ANNA))
    return connect_source(
        source_id=sales.pk, connector="drop", connector_settings=PATH, actor=connie
    )


def fail(monkeypatch: Any, error: Exception) -> None:
    def pull(*arguments: Any) -> Any:
        raise error

    monkeypatch.setattr(Drop, "pull", pull)


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        ("", "only when somebody asks"),
        ("*/15 * * * *", "every 15 minutes"),
        ("5 6 * * *", "every day at 06:05"),
        ("30 18 * * mon-fri", "Mon to Fri at 18:30"),
        ("30 6 1 * *", "30 6 1 * *"),
        ("0 */2 * * *", "0 */2 * * *"),
    ],
)
def test_schedules_are_told_in_words(schedule: str, words: str) -> None:
    assert schedule_words(schedule) == words


class TestRest:
    def definition(self, **changes: Any) -> dict[str, Any]:
        return {
            "entity": "HFS",
            "code": "erp",
            "name": "ERP",
            "mapping": MAPPING,
            "connector": "sql",
            "settings": {
                "url": "postgresql://reader@db.example.com/erp",
                "statement": "SELECT * FROM lines WHERE d >= :period_start",
            },
            "credentials": {"password": "secret word"},
            "schedule": "every 15 minutes",
            **changes,
        }

    def test_a_source_is_set_up_with_all_that_belongs_to_it(
        self, api: Any, connie: Any, feed: Source
    ) -> None:
        answer = api(connie).post(SOURCES, self.definition(), format="json")
        assert answer.status_code == 201, answer.content
        body = answer.json()
        assert (body["connector"], body["schedule"]) == ("sql", "*/15 * * * *")
        assert "secret word" not in answer.content.decode()
        source = Source.objects.get(code="erp")
        assert credentials_of(source) == {"password": "secret word"}
        for path in (SOURCES, f"{SOURCES}/{source.pk}"):
            assert "secret word" not in api(connie).get(path).content.decode()

    @pytest.mark.parametrize(
        ("changes", "status", "field"),
        [
            ({"settings": {"url": "x"}}, 422, "url"),
            ({"settings": []}, 422, "settings"),
            ({"credentials": "word"}, 422, "credentials"),
            ({"credentials": {"password": 5}}, 422, "credentials.password"),
            ({"schedule": "often"}, 422, "schedule"),
            ({"connector": "ftp"}, 422, "connector"),
            ({"code": "sales"}, 409, "code"),
            ({"entity": "TKO"}, 404, None),
            ({"unknown": 1}, 422, None),
            ({"connector": "", "settings": {}, "credentials": {}}, 409, None),
        ],
    )
    def test_definitions_that_are_refused_change_nothing(
        self,
        changes: Any,
        status: int,
        field: str | None,
        api: Any,
        connie: Any,
        feed: Source,
        table_counts: Any,
    ) -> None:
        before = table_counts()
        answer = api(connie).post(SOURCES, self.definition(**changes), format="json")
        assert answer.status_code == status, answer.content
        assert field is None or answer.json()["error"]["details"]["field"] == field
        assert table_counts() == before

    def test_a_pull_is_asked_for_once_with_a_key(self, api: Any, ivy: Any, feed: Source) -> None:
        days = {name: str(day) for name, day in APRIL.items()}
        path, key = f"{SOURCES}/{feed.pk}/pull", {"headers": {"Idempotency-Key": "k-1"}}
        first = api(ivy).post(path, days, format="json", **key)
        assert first.status_code == 202
        again = api(ivy).post(path, days, format="json", **key)
        assert (again.json(), again["Idempotent-Replay"]) == (first.json(), "true")
        perform_pull(pull_id=first.json()["id"])
        (row,) = api(ivy).get(f"{PULLS}?source=sales&status=succeeded").json()["results"]
        assert (row["batch"], row["starts_on"]) == (Pull.objects.get().batch_id, "2023-04-01")
        assert [attempt["status"] for attempt in row["attempts"]] == ["succeeded"]

    def test_a_failed_pull_is_retried(
        self, api: Any, ivy: Any, feed: Source, alice: Any, monkeypatch: Any
    ) -> None:
        with monkeypatch.context() as patch:
            fail(patch, AccessRefused())
            pull = ask_pull(source_id=feed.pk, actor=alice, **APRIL)
            perform_pull(pull_id=pull.pk)
        answer = api(ivy).post(f"{PULLS}/{pull.pk}/retry", {}, format="json")
        assert (answer.status_code, answer.json()["status"]) == (202, "waiting")
        answer = api(ivy).post(f"{PULLS}/{pull.pk}/retry", {}, format="json")
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "ILLEGAL_MOVE")

    def test_the_connector_and_the_schedule_are_changed(
        self, api: Any, connie: Any, feed: Source
    ) -> None:
        wanted = {"connector": "drop", "settings": {"path": "other.csv"}}
        answer = api(connie).post(f"{SOURCES}/{feed.pk}/connect", wanted, format="json")
        assert answer.json()["connector_settings"] == {"path": "other.csv"}
        answer = api(connie).post(
            f"{SOURCES}/{feed.pk}/schedule", {"schedule": "0 6 * * *"}, format="json"
        )
        assert answer.json()["schedule"] == "0 6 * * *"

    @pytest.mark.parametrize(
        ("path", "body", "allowed"),
        [
            ("connect", {"connector": "drop", "settings": PATH}, {"connie"}),
            ("schedule", {"schedule": "0 6 * * *"}, {"connie"}),
            ("pull", {}, {"connie", "alice", "ivy"}),
        ],
    )
    @pytest.mark.parametrize(
        "who", [None, "connie", "alice", "ivy", "rita", "otto", "ada", "victor", "charlie"]
    )
    def test_who_may(
        self,
        who: str | None,
        path: str,
        body: Any,
        allowed: set[str],
        request: Any,
        api: Any,
        feed: Source,
        table_counts: Any,
    ) -> None:
        user = request.getfixturevalue(who) if who else None
        before = table_counts()
        answer = api(user).post(f"{SOURCES}/{feed.pk}/{path}", body, format="json")
        if who in allowed:
            assert answer.status_code in {200, 202}, answer.content
            return
        expected = {None: 401, "charlie": 404}.get(who, 403)
        assert answer.status_code == expected
        assert table_counts() == before

    @pytest.mark.parametrize(
        ("who", "status"), [(None, 401), ("otto", 200), ("ada", 403), ("victor", 403)]
    )
    def test_who_sees_pulls(
        self, who: str | None, status: int, request: Any, api: Any, feed: Source, alice: Any
    ) -> None:
        ask_pull(source_id=feed.pk, actor=alice)
        user = request.getfixturevalue(who) if who else None
        assert api(user).get(PULLS).status_code == status

    def test_pulls_of_others_are_not_there(
        self, api: Any, feed: Source, alice: Any, charlie: Any
    ) -> None:
        pull = ask_pull(source_id=feed.pk, actor=alice)
        assert api(charlie).get(PULLS).json()["results"] == []
        assert api(charlie).get(f"{PULLS}/{pull.pk}").status_code == 404
        assert api(charlie).post(f"{PULLS}/{pull.pk}/retry", {}).status_code == 404


class TestPages:
    def test_a_source_says_how_it_is_fetched(self, visit: Any, alice: Any, feed: Source) -> None:
        page = text(visit(alice).get(reverse("ingestion:source", args=[feed.pk])))
        assert "File drop" in page
        assert "only when somebody asks" in page
        assert "Pull now" in page

    def test_it_is_pulled_now(self, visit: Any, alice: Any, feed: Source) -> None:
        client = visit(alice)
        answer = client.post(reverse("ingestion:pull", args=[feed.pk]))
        assert answer.url == reverse("ingestion:source", args=[feed.pk])
        pull = Pull.objects.get()
        assert "Waiting" in text(client.get(answer.url))
        perform_pull(pull_id=pull.pk)
        assert pull.asked_by == alice

    def test_a_failed_pull_is_seen_and_retried(
        self, visit: Any, alice: Any, otto: Any, feed: Source, monkeypatch: Any
    ) -> None:
        fail(monkeypatch, AccessRefused())
        pull = ask_pull(source_id=feed.pk, actor=alice)
        perform_pull(pull_id=pull.pk)
        listed = text(visit(alice).get(reverse("ingestion:sources")))
        assert "<strong>1</strong> that could not be pulled" in listed
        assert "Pull failed" in listed
        assert "The other side refuses these credentials." in listed
        page = reverse("ingestion:source", args=[feed.pk])
        assert "Retry" in text(visit(alice).get(page))
        reader = text(visit(otto).get(page))
        assert "Retry</button>" not in reader
        assert "Pull now" not in reader
        visit(alice).post(reverse("ingestion:retry", args=[pull.pk]))
        assert Pull.objects.get().status == "waiting"

    def test_what_is_tried_again_says_when(
        self, visit: Any, alice: Any, feed: Source, monkeypatch: Any
    ) -> None:
        fail(monkeypatch, Unreachable())
        perform_pull(pull_id=ask_pull(source_id=feed.pk, actor=alice).pk)
        assert "It is tried again" in text(visit(alice).get(reverse("ingestion:sources")))

    def test_a_refusal_is_a_message(
        self, visit: Any, alice: Any, sales: Source, table_counts: Any
    ) -> None:
        answer = visit(alice).post(reverse("ingestion:pull", args=[sales.pk]))
        assert answer.status_code == 302
        (message,) = get_messages(answer.wsgi_request)
        assert "no connector" in str(message)
        assert not Pull.objects.exists()

    def test_a_source_that_rests_says_so(
        self, visit: Any, alice: Any, feed: Source, monkeypatch: Any
    ) -> None:
        from datetime import date

        fail(monkeypatch, AccessRefused())
        for day in range(1, 6):
            asked = {"starts_on": date(2023, 4, 1), "ends_on": date(2023, 4, day)}
            perform_pull(pull_id=ask_pull(source_id=feed.pk, actor=alice, **asked).pk)
        page = text(visit(alice).get(reverse("ingestion:source", args=[feed.pk])))
        assert "left alone for a while" in page

    @pytest.mark.parametrize(("who", "status"), [("otto", 403), ("victor", 404), ("charlie", 404)])
    def test_who_may_not(
        self, who: str, status: int, request: Any, visit: Any, feed: Source, alice: Any
    ) -> None:
        client = visit(request.getfixturevalue(who))
        assert client.post(reverse("ingestion:pull", args=[feed.pk])).status_code == status
        assert not Pull.objects.exists()
        pull = ask_pull(source_id=feed.pk, actor=alice)
        assert client.post(reverse("ingestion:retry", args=[pull.pk])).status_code == status
        assert client.get(reverse("ingestion:pull", args=[feed.pk])).status_code == 405


class TestAdministration:
    def url(self, source: Source) -> str:
        return reverse("admin:ingestion_source_change", args=[source.pk])

    def form(self, source: Source, **changes: Any) -> dict[str, Any]:
        return {
            "mapping": json.dumps(source.mapping),
            "connector": "sql",
            "connector_settings": json.dumps(
                {"url": "postgresql://reader@db.example.com/erp", "statement": "SELECT 1 AS a"}
            ),
            "new_credentials": '{"password": "secret word"}',
            "schedule": "0 6 * * *",
            "seen_version": source.version,
            **changes,
        }

    def test_a_controller_connects_and_schedules(
        self, visit: Any, connie: Any, feed: Source
    ) -> None:
        client = visit(connie)
        answer = client.post(self.url(feed), self.form(feed))
        assert answer.status_code == 302, text(answer)
        feed.refresh_from_db()
        assert (feed.connector, feed.schedule) == ("sql", "0 6 * * *")
        assert credentials_of(feed) == {"password": "secret word"}
        page = text(client.get(self.url(feed)))
        assert "secret word" not in page
        assert "new_credentials" in page
        kept = self.form(feed, new_credentials="", schedule="")
        assert client.post(self.url(feed), kept).status_code == 302
        feed.refresh_from_db()
        assert (feed.schedule, credentials_of(feed)) == ("", {"password": "secret word"})
        dropped = self.form(feed, new_credentials="{}")
        assert client.post(self.url(feed), dropped).status_code == 302
        feed.refresh_from_db()
        assert credentials_of(feed) == {}

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"connector_settings": '{"url": "x"}'}, "url: is a URL"),
            ({"connector_settings": "{"}, "This is not acceptable JSON"),
            ({"new_credentials": "word"}, "This is not acceptable JSON"),
            ({"schedule": "often"}, "five cron fields"),
            ({"connector": "ftp"}, "Select a valid choice"),
        ],
    )
    def test_faults_are_form_errors_and_change_nothing(
        self, changes: Any, words: str, visit: Any, connie: Any, feed: Source
    ) -> None:
        answer = visit(connie).post(self.url(feed), self.form(feed, **changes))
        assert answer.status_code == 200
        assert words in text(answer)
        feed.refresh_from_db()
        assert (feed.connector, feed.schedule, feed.credentials) == ("drop", "", "")

    def test_others_look_without_credentials(self, visit: Any, otto: Any, feed: Source) -> None:
        client = visit(otto)
        page = text(client.get(self.url(feed)))
        assert "{period}/sales.csv" in page
        assert "credentials" not in page.lower()
        assert client.post(self.url(feed), self.form(feed)).status_code == 403

    def test_sources_are_pulled_together(
        self, visit: Any, connie: Any, otto: Any, feed: Source, bank: Source
    ) -> None:
        act = {"action": "pull_selected", "_selected_action": [str(feed.pk), str(bank.pk)]}
        changelist = reverse("admin:ingestion_source_changelist")
        visit(otto).post(changelist, act)
        assert not Pull.objects.exists()
        answer = visit(connie).post(changelist, act)
        told = [str(one) for one in get_messages(answer.wsgi_request)]
        assert any("no connector" in one for one in told)
        assert "1 asked for." in told
        assert Pull.objects.get().source == feed
