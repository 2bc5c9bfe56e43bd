"""Filters that a REST list does not know."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import get_resolver
from django_filters.filters import ModelChoiceFilter
from django_filters.filterset import BaseFilterSet

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("path", ["/api/reconciliation/breaks", "/api/ingestion/batches"])
def test_an_unknown_filter_is_refused_with_the_known_ones(api: Any, alice: Any, path: str) -> None:
    answer = api(alice).get(f"{path}?sourc=GL_CASH")
    told = answer.json()["error"]
    assert (answer.status_code, told["code"]) == (422, "INVALID")
    assert "This list has no such filter." in told["details"]["sourc"][0]


def test_a_near_name_is_offered(api: Any, alice: Any) -> None:
    told = api(alice).get("/api/reconciliation/breaks?stat=open&pages=7").json()["error"]["details"]
    assert "Did you mean state?" in told["stat"][0]
    assert "page_size" in told["pages"][0]


def test_pages_and_known_filters_are_taken(api: Any, alice: Any) -> None:
    client = api(alice)
    for query in ("", "?page_size=2", "?cursor=", "?state=missing&page_size=2"):
        assert client.get(f"/api/reconciliation/breaks{query}").status_code == 200


def _filter_sets() -> list[type[BaseFilterSet]]:
    """Those of all REST lists, once the addresses are read."""
    assert get_resolver().url_patterns
    found, open_ones = set(), [BaseFilterSet]
    while open_ones:
        for shape in open_ones.pop().__subclasses__():
            found.add(shape)
            open_ones.append(shape)
    return sorted((one for one in found if one.__module__.startswith("apps.")), key=str)


def test_no_filter_tells_which_rows_exist() -> None:
    """A choice among rows answers otherwise for an id that exists and is not visible."""
    telling = [
        f"{shape.__module__}.{shape.__qualname__}.{name}"
        for shape in _filter_sets()
        for name, one in shape.base_filters.items()
        if isinstance(one, ModelChoiceFilter)
    ]
    assert len(_filter_sets()) > 20
    assert telling == []
