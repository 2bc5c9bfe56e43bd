"""How REST lists are narrowed: by filters that they know, and by no others."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

from django_filters.rest_framework import DjangoFilterBackend, NumberFilter
from rest_framework.exceptions import ValidationError


def id_filter(field_name: str, **options: Any) -> NumberFilter:
    """Rows by the id of another one, which is taken as a number.

    A choice among rows would tell which ids exist that the caller may not see.

    Args:
        field_name: of the database, "run_id".
    """
    return NumberFilter(field_name=field_name, max_digits=18, decimal_places=0, **options)


class KnownFilters(DjangoFilterBackend):
    """Refuses a parameter that the list does not know.

    A list that ignored `?ststus=open` would answer with more rows than were asked for, and nobody
    would notice.
    """

    def filter_queryset(self, request: Any, queryset: Any, view: Any) -> Any:
        if getattr(view, "action", None) == "list":
            self._refuse_unknown(request, queryset, view)
        return super().filter_queryset(request, queryset, view)

    def _refuse_unknown(self, request: Any, queryset: Any, view: Any) -> None:
        shape = self.get_filterset_class(view, queryset)
        paginator = view.paginator
        known = {
            *(shape.base_filters if shape else ()),
            paginator.cursor_query_param,
            paginator.page_size_query_param,
        }
        unknown = sorted(set(request.query_params) - known)
        if unknown:
            raise ValidationError({name: [_not_known(name, known)] for name in unknown})


def _not_known(name: str, known: set[str]) -> str:
    near = get_close_matches(name, known, n=1)
    meant = f" Did you mean {near[0]}?" if near else ""
    return f"This list has no such filter.{meant} It knows: {', '.join(sorted(known))}."
