"""The review queue: who has what, since when, until when."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.test import Client

from apps.common.errors import NotPermitted, NotVisible, Refusal
from apps.identity.models import User
from apps.reconciliation.errors import (
    BreakClosed,
    OwnerUnfit,
    ReasonMissing,
    RunSuperseded,
    TermsInvalid,
)
from apps.reconciliation.models import Break, Run
from apps.reconciliation.selectors import (
    ageing,
    of_age,
    of_owner,
    owner_of,
    review_queue,
    today_of,
    with_owner,
)
from apps.reconciliation.services import (
    accept_break,
    assign_break,
    correct_cause,
    explain_break,
    set_terms,
)
from apps.reconciliation.services import assignments as assignments_module
from apps.reconciliation.services.assignments import due_day
from apps.reconciliation.services.rule_sets import read_rules
from apps.reconciliation.views import queue
from tests.pages import text
from tests.reconciliation.conftest import MAY, RULES, Pair

Broken = Callable[[str], Break]


def terms(pair: Pair, actor: User, **changes: Any) -> Any:
    asked = {"owner_id": None, "sla_days": 5, "ageing_days": [30, 60, 90]}
    return set_terms(match_type_id=pair.match_type.pk, actor=actor, **(asked | changes))


@pytest.mark.parametrize(
    ("moment", "sla_days", "due"),
    [
        ("2026-01-05T10:00", 5, date(2026, 1, 12)),  # Monday: the Monday after
        ("2026-01-09T23:30", 1, date(2026, 1, 13)),  # already Saturday in Amsterdam
        ("2026-01-05T10:00", 0, date(2026, 1, 5)),
        ("2026-01-05T10:00", 2, date(2026, 1, 8)),  # the 6th is a holiday
    ],
)
def test_the_due_day_counts_business_days_of_the_rules(
    moment: str, sla_days: int, due: date, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    monkeypatch.setattr(assignments_module.timezone, "now", lambda: now)
    holidays = ["2026-01-06"] if sla_days == 2 else []
    rules = read_rules({**RULES, "calendar": {"holidays": holidays}})
    pair.match_type.sla_days = sla_days
    run = Run(match_type=pair.match_type, entity=pair.match_type.entity)
    assert due_day(run, rules) == due


def test_a_run_anew_keeps_the_day(april: Run, pair: Pair, connie: User) -> None:
    assert april.due_on is not None
    terms(pair, connie, sla_days=60)
    pair.bring("left", ("INV-7", "09", "13.00"))
    assert pair.run().due_on == april.due_on
    may = pair.run(**MAY)
    assert may.due_on is not None
    assert may.due_on > april.due_on


def test_the_most_urgent_comes_first(april: Run, pair: Pair, alice: User, rita: User) -> None:
    pair.bring("left", ("M-1", "03", "9000.00"), month="2023-05")
    may = pair.run(**MAY)
    queue = [(b.run_id, b.cause) for b in review_queue(alice)]
    assert queue[0] == (may.pk, "missing_right")  # due the same day, and the largest
    assert (april.pk, "amount") in queue[:3]
    assert all(broken.state != "awaited" for broken in review_queue(alice))
    accept_break(break_id=april.breaks.get(cause="fee").pk, comment="Fine", actor=rita)
    explain_break(break_id=april.breaks.get(cause="sign").pk, comment="Known", actor=alice)
    causes = [b.cause for b in review_queue(alice).filter(run=april)]
    assert "fee" not in causes
    assert "sign" in causes  # explained, and waits to be accepted


def test_what_is_due_earlier_goes_before_what_is_larger(
    april: Run, pair: Pair, connie: User, alice: User
) -> None:
    terms(pair, connie, sla_days=0)
    pair.bring("left", ("M-1", "03", "0.10"), month="2023-05")
    may = pair.run(**MAY)
    assert review_queue(alice).first().run_id == may.pk


def test_owner_of_the_match_type_or_whoever_it_was_given_to(
    april: Run, pair: Pair, broken: Broken, connie: User, alice: User, rita: User
) -> None:
    fee = broken("fee")
    assert owner_of(fee) is None
    terms(pair, connie, owner_id=alice.pk)
    assert owner_of(Break.objects.get(pk=fee.pk)) == alice.pk
    assign_break(break_id=fee.pk, owner_id=rita.pk, reason="Knows the bank", actor=alice)
    queue = review_queue(alice)
    assert [b.pk for b in of_owner(queue, rita.pk)] == [fee.pk]
    assert of_owner(queue, alice.pk).count() == 4
    assert of_owner(queue, None).count() == 0
    pair.bring("left", ("INV-7", "09", "13.00"))
    again = pair.run().breaks.get(cause="fee")
    assert owner_of(again) == rita.pk  # it stays with her


def test_ages_are_counted_from_the_oldest_record(april: Run) -> None:
    breaks = with_owner(Break.objects.filter(run=april))
    today = date(2023, 5, 4)
    buckets = ageing(breaks, today)
    assert [(b.name, b.words, b.count) for b in buckets] == [
        ("0-30", "0 to 30 days", 6),
        ("31-60", "31 to 60 days", 0),
        ("61-90", "61 to 90 days", 0),
        ("91-", "over 90 days", 0),
    ]
    later = ageing(breaks, date(2023, 6, 5), [10, 58])
    assert [b.count for b in later] == [0, 3, 3]
    assert later[2].amounts == {"EUR": Decimal("667.50")}
    assert ageing(breaks, date(2020, 1, 1))[0].count == 6
    assert of_age(breaks, "31-60", date(2023, 6, 5)).count() == 5
    assert of_age(breaks, "61-", date(2023, 6, 5)).count() == 1
    with pytest.raises(ValueError, match="no bucket"):
        of_age(breaks, "nonsense", today)


def test_a_bucket_lists_as_many_as_it_counts(april: Run) -> None:
    """What is dated later than today is young, in the number and in the list behind it."""
    breaks = with_owner(Break.objects.filter(run=april))
    today = date(2023, 4, 1)
    for bucket in ageing(breaks, today):
        assert of_age(breaks, bucket.name, today).count() == bucket.count
    assert today_of(None) == datetime.now(UTC).date()


REFUSED: list[tuple[str, dict[str, Any], type[Refusal]]] = [
    ("bob", {}, NotPermitted),
    ("otto", {}, NotPermitted),
    ("ada", {}, NotPermitted),
    ("ivy", {}, NotPermitted),
    ("charlie", {}, NotVisible),
    ("victor", {}, NotVisible),
    ("connie", {"owner_id": "otto"}, OwnerUnfit),
    ("connie", {"owner_id": "charlie"}, OwnerUnfit),
    ("connie", {"reason": " "}, ReasonMissing),
    ("connie", {"break_id": 0}, NotVisible),
]


@pytest.mark.parametrize(("who", "changes", "refusal"), REFUSED)
def test_assignments_that_are_refused(
    who: str,
    changes: dict[str, Any],
    refusal: type[Refusal],
    request: Any,
    broken: Broken,
    alice: User,
    table_counts: Any,
) -> None:
    actor = request.getfixturevalue(who)
    changes = dict(changes)
    if "owner_id" in changes:
        changes["owner_id"] = request.getfixturevalue(changes["owner_id"]).pk
    asked = {"break_id": broken("fee").pk, "owner_id": alice.pk, "reason": "x", "actor": actor}
    before = table_counts()
    with pytest.raises(refusal):
        assign_break(**(asked | changes))
    assert table_counts() == before


def test_what_no_longer_stands_is_given_to_nobody(
    april: Run, pair: Pair, broken: Broken, alice: User
) -> None:
    sign, fee = broken("sign"), broken("fee")
    correct_cause(break_id=sign.pk, cause="amount", reason="x", actor=alice)
    with pytest.raises(BreakClosed):
        assign_break(break_id=sign.pk, owner_id=alice.pk, reason="x", actor=alice)
    pair.bring("left", ("INV-7", "09", "13.00"))
    pair.run()
    with pytest.raises(RunSuperseded):
        assign_break(break_id=fee.pk, owner_id=alice.pk, reason="x", actor=alice)


BAD_TERMS: list[tuple[str, dict[str, Any], type[Refusal]]] = [
    ("alice", {}, NotPermitted),
    ("charlie", {}, NotVisible),
    ("connie", {"sla_days": -1}, TermsInvalid),
    ("connie", {"sla_days": 366}, TermsInvalid),
    ("connie", {"ageing_days": []}, TermsInvalid),
    ("connie", {"ageing_days": [60, 30]}, TermsInvalid),
    ("connie", {"ageing_days": [-1, 30]}, TermsInvalid),
    ("connie", {"ageing_days": [1, 2, 3, 4, 5, 6, 7]}, TermsInvalid),
    ("connie", {"owner_id": 0}, OwnerUnfit),
]


@pytest.mark.parametrize(("who", "changes", "refusal"), BAD_TERMS)
def test_terms_that_are_refused(
    who: str,
    changes: dict[str, Any],
    refusal: type[Refusal],
    request: Any,
    pair: Pair,
    table_counts: Any,
) -> None:
    actor = request.getfixturevalue(who)
    before = table_counts()
    with pytest.raises(refusal):
        terms(pair, actor, **changes)
    assert table_counts() == before


def test_the_page_is_narrowed_and_gives_breaks_to_people(
    april: Run, pair: Pair, broken: Broken, alice: User, rita: User, connie: User, otto: User
) -> None:
    client = Client()
    client.force_login(rita)

    def page(query: str = "") -> str:
        answer = client.get(f"/breaks/queue/{query}")
        assert answer.status_code == 200
        return text(answer)

    assert "<strong>5 breaks</strong> wait" in page()
    assert page().count('data-key="a"') == 5  # whoever may accept does so by a key
    url = f"/breaks/{broken('fee').pk}/"
    assert "Give to somebody" in client.get(url).content.decode()
    answer = client.post(f"{url}assign/", {"owner": rita.pk, "reason": "Mine"}, follow=True)
    assert "Rita has break" in answer.content.decode()
    again = client.post(f"{url}assign/", {"reason": "Because of X"})
    assert again.status_code == 422
    dialog = again.content.decode().split('id="assign" aria-labelledby')[1].split("</dialog>")[0]
    assert "Because of X" in dialog
    assert "This field is required." in dialog
    assert "<strong>1 break</strong> waits" in page("?owner=me")
    assert "<strong>4 breaks</strong> wait" in page("?owner=nobody")
    assert "<strong>1 break</strong> waits" in page(f"?owner={rita.pk}")
    assert "<strong>1 break</strong> waits" in page("?cause=fee")
    assert "<strong>1 break</strong> waits" in page("?least=500")
    assert "<strong>2 breaks</strong> wait" in page("?least=10&most=13")
    assert "Nothing waits here" in page("?age=0-30")
    assert "<strong>5 breaks</strong> wait" in page(f"?age=91-&match_type={pair.match_type.pk}")
    unclear = page("?owner=nonsense&least=10")
    assert "Nothing is listed: a filter was not understood" in unclear
    assert "Owner: Select a valid choice" in unclear
    assert "data-item" not in unclear
    client.force_login(otto)
    assert "Give to somebody" not in client.get(url).content.decode()
    assert 'data-key="a"' not in page()
    refused = client.post(f"{url}assign/", {"owner": rita.pk, "reason": "x"}, follow=True)
    assert refused.status_code == 403
    assert "You may not do this" in refused.content.decode()
    assert client.post("/breaks/0/assign/", {}).status_code == 404


def test_rest_filters_and_assigns(april: Run, broken: Broken, api: Any, alice: User) -> None:
    url = "/api/reconciliation/breaks"
    body = {"owner": "alice", "reason": "Mine"}
    answer = api(alice).post(f"{url}/{broken('fee').pk}/assign", body, format="json")
    assert (answer.status_code, answer.json()["owner"]) == (201, "alice")
    unknown = api(alice).post(
        f"{url}/{broken('fee').pk}/assign", {**body, "owner": "nobody"}, format="json"
    )
    assert unknown.status_code == 422

    def found(query: str) -> int:
        return len(api(alice).get(f"{url}?{query}").json()["results"])

    assert (found("owner=alice"), found("owner=none"), found("owner=bob")) == (1, 5, 0)
    assert (found("age=91-"), found("age=0-30")) == (6, 0)
    refused = api(alice).get(f"{url}?age=over-90")
    assert (refused.status_code, list(refused.json()["error"]["details"])) == (422, ["age"])


def listed(page: str) -> list[str]:
    return re.findall(r'id="break-([0-9]+)"', page)


def link(page: str, name: str) -> str:
    """The address behind "next" or "prev"; empty if there is none."""
    found = re.search(rf'rel="{name}" href="([^"]+)"', page)
    return unescape(found[1]) if found else ""


@pytest.fixture
def leaf(rita: User, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """The queue as its reviewer sees it, two breaks a page."""
    small = dataclasses.replace(queue._BY_URGENCY, size=2)
    monkeypatch.setattr(queue, "_BY_URGENCY", small)
    client = Client()
    client.force_login(rita)
    return lambda query="": client.get(f"/breaks/queue/{query}").content.decode()


@pytest.mark.parametrize("due_on", [date(2023, 5, 4), None])
def test_leafing_through_the_queue_there_and_back(
    april: Run, leaf: Any, rita: User, due_on: date | None
) -> None:
    Run.objects.filter(pk=april.pk).update(due_on=due_on)
    whole = [str(found.pk) for found in review_queue(rita)]
    first = leaf("?cause=")
    second = leaf(link(first, "next"))
    third = leaf(link(second, "next"))
    assert [listed(page) for page in (first, second, third)] == [whole[:2], whole[2:4], whole[4:]]
    assert (link(first, "prev"), link(third, "next")) == ("", "")
    again = leaf(link(third, "prev"))
    assert listed(again) == whole[2:4]
    assert listed(leaf(link(again, "prev"))) == whole[:2]


def test_who_works_the_queue_while_leafing_misses_nothing(
    april: Run, leaf: Any, alice: User, rita: User
) -> None:
    whole = [found.pk for found in review_queue(rita)]
    first = leaf()
    for key in whole[:2]:
        explain_break(break_id=key, comment="Known", expected_version=1, actor=alice)
        accept_break(break_id=key, comment="Agreed", expected_version=2, actor=rita)
    assert listed(leaf(link(first, "next"))) == [str(key) for key in whole[2:4]]


@pytest.mark.parametrize(
    "place",
    ["x", "20230504_1_1.0000", "20231304_1_1.0000_7", "20230504_2_1.0000_7", "20230504_1_NaN_7"],
)
def test_a_place_that_is_none_shows_the_first_page(april: Run, leaf: Any, place: str) -> None:
    assert listed(leaf(f"?after={place}")) == listed(leaf())
