"""Changing an outcome by hand: over REST and on the pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from apps.identity.models import User
from apps.reconciliation.models import Break, Correction, MatchGroup, Run, WriteOff
from apps.reconciliation.services import correct_cause, unmatch_group
from tests.pages import text
from tests.reconciliation.test_revisions import numbered, pair_ids

Broken = Callable[[str], Break]
API = "/api/reconciliation"


def test_rest_takes_a_match_back_and_permits_it_again(april: Run, api: Any, rita: User) -> None:
    group = MatchGroup.objects.get(run=april, number=1)
    client = api(rita)
    answer = client.post(f"{API}/groups/{group.pk}/unmatch", {"reason": "No"}, format="json")
    assert answer.status_code == 201, answer.content
    assert (answer.json()["kind"], len(answer.json()["breaks"])) == ("unmatch", 2)
    assert client.get(f"{API}/groups/{group.pk}").status_code == 404
    url = f"{API}/groups/{group.pk}/permit-rematch"
    assert client.post(url, {"reason": "Yes"}, format="json").json()["permitted_by"] == "rita"
    for no_id in ("0", "x", "\N{SUPERSCRIPT TWO}", "9" * 19):
        wrong = f"{API}/groups/{no_id}/permit-rematch"
        assert client.post(wrong, {"reason": "x"}).status_code == 404
    assert client.post(url, {"reason": ""}, format="json").status_code == 422


def test_rest_changes_breaks(
    april: Run, broken: Broken, books: Any, api: Any, connie: User, alice: User
) -> None:
    client, fee = api(connie), broken("fee")
    off = {"reason": "x", "expense_account": "5400", "posted_on": "2023-04-30"}
    answer = client.post(f"{API}/breaks/{fee.pk}/write-off", off, format="json")
    assert (answer.status_code, answer.json()["amount"]) == (201, "-7.50")
    sign = broken("sign")
    body = {"cause": "amount", "reason": "Refund"}
    answer = client.post(f"{API}/breaks/{sign.pk}/correct", body, format="json")
    assert (answer.status_code, answer.json()["to_cause"]) == (201, "amount")
    assert client.get(f"{API}/breaks/{sign.pk}").status_code == 404
    listed = client.get(f"{API}/corrections").json()["results"]
    assert [each["from_cause"] for each in listed] == ["sign"]
    amount = Break.objects.get(run=april, cause="amount", is_material=True)
    parts = [[pk] for pk in amount.items.values_list("record_id", flat=True)]
    body = {"parts": parts, "reason": "Two"}
    answer = client.post(f"{API}/breaks/{amount.pk}/split", body, format="json")
    assert (answer.status_code, len(answer.json()["breaks"])) == (201, 2)
    body = {"breaks": pair_ids(april), "reason": "One", **off}
    answer = client.post(f"{API}/runs/{april.pk}/force-match", body, format="json")
    assert (answer.status_code, answer.json()["kind"]) == (201, "force_match")
    assert WriteOff.objects.count() == 2


BAD: list[tuple[str, dict[str, Any]]] = [
    ("correct", {}),
    ("correct", {"cause": "nonsense", "reason": "x"}),
    ("correct", {"cause": "fee", "reason": "x", "who": "me"}),
    ("split", {"parts": "all", "reason": "x"}),
    ("split", {"parts": [["a"]], "reason": "x"}),
    ("write-off", {"expense_account": "5400", "posted_on": "yesterday", "reason": "x"}),
]


@pytest.mark.parametrize(("verb", "body"), BAD)
def test_bad_input_changes_nothing(
    verb: str, body: Any, broken: Broken, api: Any, connie: User, table_counts: Any
) -> None:
    url = f"{API}/breaks/{broken('fee').pk}/{verb}"
    before = table_counts()
    assert api(connie).post(url, body, format="json").status_code == 422
    assert table_counts() == before


def test_a_match_is_taken_back_and_permitted_on_its_page(
    april: Run, visit: Any, rita: User, otto: User
) -> None:
    url = f"/reconciliations/{april.pk}/matches/1/"
    client = visit(rita)
    assert "Take back" in text(client.get(url))
    assert "Take back" not in text(visit(otto).get(url))
    assert "Say why" in text(client.post(f"{url}unmatch/", {"reason": ""}, follow=True))
    page = text(client.post(f"{url}unmatch/", {"reason": "Not theirs"}, follow=True))
    assert "Rita took this match back: <q>Not theirs</q>" in page
    page = text(client.post(f"{url}unmatch/", {"reason": "Again"}, follow=True))
    assert "taken back already" in page
    page = text(client.post(f"{url}permit/", {"reason": "It was"}, follow=True))
    assert "Rules may make it again: <q>It was</q>" in page
    assert "#permit" not in page


def test_a_break_is_changed_on_its_page(
    april: Run, broken: Broken, books: Any, visit: Any, connie: User, otto: User
) -> None:
    client, fee = visit(connie), broken("fee")
    url = f"/breaks/{fee.pk}/"
    page = text(client.get(url))
    for label in ("Correct the cause", "Match by hand", "Split", "Write off"):
        assert f">{label}</a>" in page
    assert "Change it" not in text(visit(otto).get(url))
    off = {"expense_account": "5400", "posted_on": "2023-04-30", "reason": "Small"}
    page = text(client.post(f"{url}change/write-off/", off, follow=True))
    assert "Connie proposed" in page
    page = text(client.post(f"{url}change/write-off/", {**off, "posted_on": ""}, follow=True))
    assert "Booked on:" in page
    sign = broken("sign")
    given = {"cause": "amount", "reason": "Refund"}
    page = text(client.post(f"/breaks/{sign.pk}/change/correct/", given, follow=True))
    assert "Amount differs" in page
    page = text(client.get(f"/breaks/{sign.pk}/"))
    assert "Cause corrected by Connie" in page
    assert "Change it" not in page
    amount = Break.objects.get(run=april, is_material=True)
    first = amount.items.first()
    given = {"records": [first.record_id], "reason": "Two"}
    page = text(client.post(f"/breaks/{amount.pk}/change/split/", given, follow=True))
    assert "which was split: Two" in page
    left, right = pair_ids(april)
    given = {"breaks": [right], "reason": "One job"}
    page = text(client.post(f"/breaks/{left}/change/force/", given, follow=True))
    assert "the rules tolerate 0.05" in page
    page = text(client.post(f"/breaks/{left}/change/force/", {**given, **off}, follow=True))
    assert "Matched by hand" in page
    assert "Matched by hand by Connie" in text(client.get(f"/breaks/{left}/"))
    assert client.post("/breaks/0/change/split/", given).status_code == 404


@pytest.mark.parametrize(
    ("verb", "given", "status", "words"),
    [
        ("correct", {"cause": "", "reason": "Because of X"}, 422, "This field is required."),
        ("split", {"reason": "Because of X"}, 422, "This field is required."),
        (
            "write-off",
            {"expense_account": "0000", "posted_on": "2023-04-30", "reason": "Because of X"},
            422,
            "0000",
        ),
    ],
)
def test_what_could_not_be_done_comes_back_with_what_was_filled_in(
    verb: str,
    given: dict[str, str],
    status: int,
    words: str,
    broken: Broken,
    books: Any,
    visit: Any,
    connie: User,
    table_counts: Any,
) -> None:
    client, fee = visit(connie), broken("fee")
    before = table_counts()
    answer = client.post(f"/breaks/{fee.pk}/change/{verb}/", given)
    page = text(answer)
    dialog = page.split(f'id="{verb}" aria-labelledby')[1].split("</dialog>")[0]
    assert answer.status_code == status
    assert dialog.startswith(f'="{verb}-title" data-open>')
    assert "Because of X" in dialog
    assert words in dialog
    assert table_counts() == before


def test_a_day_is_filled_in_as_browsers_take_it(broken: Broken, visit: Any, connie: User) -> None:
    page = text(visit(connie).get(f"/breaks/{broken('fee').pk}/"))
    assert page.count('type="date" name="posted_on" value="2023-04-30"') == 2
    assert "An entry of 7.50 EUR is drafted in your name" in page


def test_what_the_list_shows_follows(april: Run, broken: Broken, visit: Any, rita: User) -> None:
    unmatch_group(run_id=april.pk, number=numbered(april, "INV-2"), reason="No", actor=rita)
    correct_cause(break_id=broken("sign").pk, cause="fx", reason="USD", actor=rita)
    page = text(visit(rita).get("/breaks/"))
    assert "<strong>8 breaks</strong>" in page
    assert "Exchange rate" in page
    assert "Opposite sign</" not in page.split("<tbody>")[1]
    assert Correction.objects.count() == 1
