"""Sources that are pulled by themselves, by the clock of their entity."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.utils import timezone

from apps.audit.models import Event
from apps.common.errors import NotPermitted, NotVisible, Refusal
from apps.ingestion.connectors.drop import Drop
from apps.ingestion.connectors.errors import AccessRefused
from apps.ingestion.errors import ScheduleInvalid, SourceNotConnected, SourceRetired
from apps.ingestion.models import Pull, Source
from apps.ingestion.services import (
    ask_scheduled_pulls,
    connect_source,
    perform_pull,
    retire_source,
    schedule_source,
)
from apps.ingestion.services.schedules import latest_slot
from apps.operations.models import OutboxMessage
from tests.ingestion.conftest import PATH

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
DAILY = "30 2 * * *"


@pytest.fixture
def feed(sales: Source, connie: Any) -> Source:
    return connect_source(
        source_id=sales.pk, connector="drop", connector_settings=PATH, actor=connie
    )


@pytest.fixture
def at(monkeypatch: Any) -> Any:
    """`at("2023-05-10T07:00")`: it is that time, UTC."""

    def make(text: str) -> None:
        instant = datetime.fromisoformat(text).replace(tzinfo=UTC)
        monkeypatch.setattr(timezone, "now", lambda: instant)

    return make


def slot(schedule: str, after: str, until: str, zone: ZoneInfo = AMSTERDAM) -> str | None:
    """The latest slot between two instants (UTC), in UTC."""
    found = latest_slot(
        schedule,
        zone,
        after=datetime.fromisoformat(after).replace(tzinfo=UTC),
        until=datetime.fromisoformat(until).replace(tzinfo=UTC),
    )
    return found.strftime("%Y-%m-%dT%H:%M") if found else None


@pytest.mark.parametrize(
    ("schedule", "after", "until", "expected"),
    [
        ("*/15 * * * *", "2023-05-10T07:00", "2023-05-10T07:15:59", "2023-05-10T07:15"),
        ("*/15 * * * *", "2023-05-10T07:00", "2023-05-10T07:14:59", None),
        ("*/15 * * * *", "2023-05-10T07:00", "2023-05-10T09:20", "2023-05-10T09:15"),
        ("30 6 * * mon-fri", "2023-05-10T00:00", "2023-05-10T04:30", "2023-05-10T04:30"),
        ("30 6 * * mon-fri", "2023-05-13T00:00", "2023-05-14T23:00", None),
        ("0 0 1 * *", "2023-04-30T21:00", "2023-04-30T22:00", "2023-04-30T22:00"),
        ("0 8 * * 0", "2023-05-14T00:00", "2023-05-14T07:00", "2023-05-14T06:00"),
        # Nobody looked for three days: made up for once, and no older than a day.
        ("0 8 * * *", "2023-05-10T00:00", "2023-05-13T05:00", "2023-05-12T06:00"),
        ("0 8 10 * *", "2023-05-10T00:00", "2023-05-13T05:00", None),
        # 26 March 2023: from 02:00 the clock shows 03:00; half past two is due right then.
        (DAILY, "2023-03-25T23:00", "2023-03-26T00:59", None),
        (DAILY, "2023-03-25T23:00", "2023-03-26T01:30", "2023-03-26T01:00"),
        ("0 3 * * *", "2023-03-25T23:00", "2023-03-26T01:30", "2023-03-26T01:00"),
        ("0 4 * * *", "2023-03-25T23:00", "2023-03-26T01:30", None),
        # 29 October 2023: 02:30 comes at 00:30 and at 01:30 UTC; once is enough.
        (DAILY, "2023-10-28T23:00", "2023-10-29T02:00", "2023-10-29T00:30"),
        (DAILY, "2023-10-29T00:30", "2023-10-29T03:00", None),
        ("30 * * * *", "2023-10-29T00:30", "2023-10-29T02:00", "2023-10-29T01:30"),
    ],
)
def test_slots_by_the_clock_on_the_wall(
    schedule: str, after: str, until: str, expected: str | None
) -> None:
    assert slot(schedule, after, until) == expected


@pytest.mark.parametrize("month", [3, 10])
def test_a_daily_schedule_comes_once_a_day_when_clocks_change(month: int) -> None:
    now = after = datetime(2023, month, 22, tzinfo=UTC)
    days = []
    while now < datetime(2023, month, 31, tzinfo=UTC):
        now += timedelta(hours=5, minutes=7)
        found = latest_slot(DAILY, AMSTERDAM, after=after, until=now)
        if found:
            days.append(found.astimezone(AMSTERDAM).day)
            after = found
    assert days == list(range(22, 32))


def test_a_due_pull_is_asked_for_once(feed: Source, connie: Any, at: Any) -> None:
    at("2023-05-10T07:01")
    schedule_source(source_id=feed.pk, schedule="Every 15 minutes", actor=connie)
    assert ask_scheduled_pulls() == []
    at("2023-05-10T07:15:30")
    (pull_id,) = ask_scheduled_pulls()
    assert ask_scheduled_pulls() == []
    pull = Pull.objects.get(pk=pull_id)
    assert pull.slot_at == datetime(2023, 5, 10, 7, 15, tzinfo=UTC)
    assert (str(pull.starts_on), str(pull.ends_on), pull.period) == (
        "2023-05-01",
        "2023-05-31",
        "2023-05",
    )
    assert pull.asked_by.username == "system" or pull.asked_by.is_superuser
    assert OutboxMessage.objects.filter(arguments={"pull_id": pull_id}).count() == 1
    at("2023-05-10T07:31")
    assert ask_scheduled_pulls() == []  # the first has not ended
    perform_pull(pull_id=pull_id)
    assert len(ask_scheduled_pulls()) == 1


@pytest.mark.django_db(transaction=True)
def test_two_beats_at_once_pull_once(feed: Source, connie: Any, at: Any) -> None:
    at("2023-05-10T07:01")
    schedule_source(source_id=feed.pk, schedule="*/15 * * * *", actor=connie)
    at("2023-05-10T07:20")
    barrier = threading.Barrier(4)
    asked: list[int] = []

    def look() -> None:
        try:
            barrier.wait(timeout=30)
            asked.extend(ask_scheduled_pulls())
        finally:
            connection.close()

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(asked) == Pull.objects.count() == 1


def test_a_source_that_rests_is_made_up_for_later(
    feed: Source, connie: Any, alice: Any, at: Any, monkeypatch: Any
) -> None:
    def fail(*arguments: Any) -> Any:
        raise AccessRefused

    monkeypatch.setattr(Drop, "pull", fail)
    at("2023-05-10T07:00")
    connect_source(source_id=feed.pk, connector="drop", connector_settings=PATH, actor=connie)
    schedule_source(source_id=feed.pk, schedule="* * * * *", actor=connie)
    for minute in range(1, 6):
        at(f"2023-05-10T07:0{minute}")
        (pull_id,) = ask_scheduled_pulls()
        perform_pull(pull_id=pull_id)
    at("2023-05-10T07:10")
    assert ask_scheduled_pulls() == []
    at("2023-05-10T07:21")
    assert len(ask_scheduled_pulls()) == 1


@pytest.mark.parametrize("what", ["never", "disconnected", "retired"])
def test_what_is_not_pulled_any_more(what: str, feed: Source, connie: Any, at: Any) -> None:
    at("2023-05-10T07:01")
    schedule_source(source_id=feed.pk, schedule="* * * * *", actor=connie)
    if what == "never":
        schedule_source(source_id=feed.pk, schedule="", actor=connie)
    elif what == "disconnected":
        connect_source(source_id=feed.pk, connector="", actor=connie)
        assert Source.objects.get(pk=feed.pk).schedule == ""
    else:
        retire_source(source_id=feed.pk, actor=connie)
    at("2023-05-10T07:20")
    assert ask_scheduled_pulls() == []


def test_a_schedule_is_recorded(feed: Source, connie: Any) -> None:
    source = schedule_source(source_id=feed.pk, schedule="30  6 * * MON-fri", actor=connie)
    assert source.schedule == "30 6 * * mon-fri"
    event = Event.objects.get(action="ingestion.source.schedule")
    assert event.details == {"schedule": "30 6 * * mon-fri"}


@pytest.mark.parametrize(
    ("who", "schedule", "refusal"),
    [
        ("alice", "* * * * *", NotPermitted),
        ("otto", "* * * * *", NotPermitted),
        ("charlie", "* * * * *", NotVisible),
        ("connie", "* * * *", ScheduleInvalid),
        ("connie", "* * * * * *", ScheduleInvalid),
        ("connie", "61 * * * *", ScheduleInvalid),
        ("connie", "a b c d e", ScheduleInvalid),
        ("connie", "0 0 30 2 *", ScheduleInvalid),
        ("connie", "hourly", ScheduleInvalid),
        ("connie", "*/0 * * * *", ScheduleInvalid),
        ("connie", ",".join(["1"] * 100) + " * * * *", ScheduleInvalid),
    ],
)
def test_schedules_that_are_refused_change_nothing(
    who: str,
    schedule: str,
    refusal: type[Refusal],
    request: Any,
    feed: Source,
    table_counts: Any,
) -> None:
    actor = request.getfixturevalue(who)
    before = table_counts()
    with pytest.raises(refusal):
        schedule_source(source_id=feed.pk, schedule=schedule, actor=actor)
    assert table_counts() == before


def test_only_what_can_be_pulled_is_scheduled(sales: Source, feed: Source, connie: Any) -> None:
    connect_source(source_id=feed.pk, connector="", actor=connie)
    with pytest.raises(SourceNotConnected):
        schedule_source(source_id=feed.pk, schedule="* * * * *", actor=connie)
    assert schedule_source(source_id=feed.pk, schedule=" ", actor=connie).schedule == ""
    retire_source(source_id=feed.pk, actor=connie)
    with pytest.raises(SourceRetired):
        schedule_source(source_id=feed.pk, schedule="* * * * *", actor=connie)
