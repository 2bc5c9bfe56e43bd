"""The time zone of pages: that of the entity in view."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from apps.identity.context import zone_in_view
from apps.operations.envelope import speaks_json


class TimeZoneMiddleware:
    """Pages show instants as people of the entity in view read their clock; REST answers in UTC.

    A page about one thing may show its own entity's time instead: `context.show_times_of`.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if speaks_json(request):
            return self.get_response(request)
        with timezone.override(zone_in_view(request)):
            return self.get_response(request)
