"""What the fields that a check names stand for: the model referred to, and the column."""

from __future__ import annotations

from django.db import models


def parent_of(model: type[models.Model], field: str) -> type[models.Model]:
    """The model that a foreign key refers to.

    Raises:
        TypeError: the field is none.
    """
    parent = model._meta.get_field(field).related_model
    if not isinstance(parent, type):
        raise TypeError(f"{model._meta.label}.{field} refers to no model")
    return parent


def column_of(model: type[models.Model], name: str) -> str:
    """The column of a field.

    Raises:
        TypeError: the field has none.
    """
    field = model._meta.get_field(name)
    if not isinstance(field, models.Field):
        raise TypeError(f"{model._meta.label}.{name} is no column")
    return str(field.column)
