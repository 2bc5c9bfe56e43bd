"""Leafing through lists, there and back, while others add to them."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import QueryDict

from apps.common.paging import newest_first, row_id
from apps.identity.models import User


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("7", 7),
        ("007", 7),
        ("9" * 18, 10**18 - 1),
        ("9" * 19, None),
        ("", None),
        ("-1", None),
        (" 7", None),
        ("x", None),
        ("\N{SUPERSCRIPT TWO}", None),
        ("\N{ARABIC-INDIC DIGIT THREE}", None),
    ],
)
def test_ids_of_texts_from_outside(text: str, found: int | None) -> None:
    assert row_id(text) == found


def test_leafing_on_and_back_shows_every_row_once(person: Any) -> None:
    keys = [person(f"person{number}").pk for number in range(5)]
    people, leafing = User.objects.filter(pk__in=keys).order_by("-pk"), newest_first(2)

    def page(url: str) -> Any:
        return leafing.page(people, QueryDict(url.removeprefix("?")))

    first = page("?name=x&before=none")
    assert [user.pk for user in first.rows] == keys[:2:-1]
    assert first.previous_url is None
    assert first.next_url == f"?name=x&before={keys[3]}"
    second = page(first.next_url)
    third = page(second.next_url)
    assert [user.pk for user in second.rows + third.rows] == keys[2::-1]
    assert third.next_url is None
    again = page(third.previous_url)
    assert again.rows == second.rows
    assert again.previous_url == f"?name=x&after={keys[2]}"
    assert page(again.previous_url).rows == first.rows


def test_nothing_is_one_page() -> None:
    found = newest_first(2).page(User.objects.none(), QueryDict("before=3"))
    assert (found.rows, found.previous_url, found.next_url) == ([], None, None)
