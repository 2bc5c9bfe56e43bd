"""What the fields that a check names stand for: the model referred to, and the column."""

from __future__ import annotations

from typing import Any

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


def field_of(model: type[models.Model], column: str) -> models.Field[Any, Any]:
    """The field that has the column.

    Raises:
        StopIteration: none has.
    """
    return next(field for field in model._meta.fields if field.column == column)


def column_of(model: type[models.Model], name: str) -> str:
    """The column of a field.

    Raises:
        TypeError: the field has none.
    """
    field = model._meta.get_field(name)
    if not isinstance(field, models.Field):
        raise TypeError(f"{model._meta.label}.{name} is no column")
    return str(field.column)
