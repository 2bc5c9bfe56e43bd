"""What pages with forms share: a refusal is said where it belongs."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.serializers.json import DjangoJSONEncoder
from django.forms.fields import InvalidJSONInput, JSONString

from apps.common.errors import Refusal
from apps.common.parsers import reason, strict_json


class StrictJSONField(forms.JSONField):
    """JSON as REST takes it: no key twice, no deep nesting; numbers with a fraction are exact."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{**settings, "encoder": settings.get("encoder") or DjangoJSONEncoder})

    def to_python(self, value: Any) -> Any:
        if self.disabled or not isinstance(value, str) or isinstance(value, JSONString):
            return super().to_python(value)
        if value in self.empty_values:
            return None
        try:
            return strict_json(value)
        except (ValueError, RecursionError) as error:
            raise forms.ValidationError(
                f"This is not acceptable JSON: {reason(error)}.", code="invalid"
            ) from error

    def bound_data(self, data: Any, initial: Any) -> Any:
        """What is shown again; text that is refused stays as it was typed."""
        try:
            self.to_python(data)
        except forms.ValidationError:
            return InvalidJSONInput(data)
        return super().bound_data(data, initial)


def complain(form: Any, refusal: Refusal) -> None:
    """Say the refusal beside its field, or above the form if it has none there."""
    form.add_error(refusal.field if refusal.field in form.fields else None, refusal.words)


def complain_in_rows(form: Any, rows: Any, refusal: Refusal, number: str) -> None:
    """Say the refusal in the row that it names, otherwise in the form above the rows.

    Args:
        rows: a formset; rows that nothing was written in do not count.
        number: the detail of the refusal that has the row's number, from 1.
    """
    place = refusal.details.get(number)
    filled = [row for row in rows.forms if row.has_content()]
    if isinstance(place, int) and 1 <= place <= len(filled):
        form = filled[place - 1]
    complain(form, refusal)
