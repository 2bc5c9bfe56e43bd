"""Filters of the lists of requests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms

from apps.approvals.models import Request
from apps.approvals.states import RequestStatus

STILL_OPEN = "open"


class RequestFilterForm(forms.Form):
    """What narrows a list of requests."""

    q = forms.CharField(label="Search", required=False, max_length=100, widget=forms.SearchInput)
    item_type = forms.ChoiceField(label="Kind", required=False)
    status = forms.ChoiceField(
        required=False,
        choices=[("", "Any"), (STILL_OPEN, "Still open"), *RequestStatus.choices],
        label="Status",
    )

    def __init__(self, *args: Any, kinds: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.auto_id = "filter_%s"
        kind: Any = self.fields["item_type"]
        kind.choices = [("", "Any"), *kinds]

    def narrow(self, requests: Any) -> Any:
        """The requests that fit; none while the input makes no sense."""
        if not self.is_valid():
            return requests.none()
        facts = self.cleaned_data
        if facts["q"]:
            requests = requests.filter(title__icontains=facts["q"])
        if facts["item_type"]:
            requests = requests.filter(item_type=facts["item_type"])
        if facts.get("status") == STILL_OPEN:
            return requests.open()
        return requests.filter(status=facts["status"]) if facts.get("status") else requests


class InboxFilterForm(RequestFilterForm):
    """In an inbox everything has the same status."""

    status = None  # type: ignore[assignment]  # this is how Django drops an inherited field


def kinds_of(requests: Any) -> list[tuple[str, str]]:
    """The kinds that occur among requests, as choices (one query)."""
    return as_choices(requests.order_by("item_type").values_list("item_type", flat=True).distinct())


def as_choices(kinds: Iterable[str]) -> list[tuple[str, str]]:
    """Kinds with the words for people."""
    return [(kind, Request(item_type=kind).kind.capitalize()) for kind in kinds]
