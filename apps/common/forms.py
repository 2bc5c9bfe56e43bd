"""What pages with forms share: a refusal is said where it belongs."""

from __future__ import annotations

from typing import Any

from apps.common.errors import Refusal


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
