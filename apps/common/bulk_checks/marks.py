"""The marks by which a model says what holds of its rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.db import models

from apps.common.bulk_checks.checks import BulkCheck
from apps.common.bulk_checks.holding import Holding
from apps.common.bulk_checks.questions import Order, Reference
from apps.common.bulk_checks.registry import BULK_CHECKS
from apps.common.bulk_checks.uniqueness import Uniqueness

M = TypeVar("M", bound=type[models.Model])


def refers_at_once(field: str, *, same: tuple[str, ...] = ()) -> Callable[[M], M]:
    """Mark a foreign key (`db_constraint=False`) that is checked once per statement.

    Args:
        same: foreign keys that the model and the one referred to both have, with equal values.
    """
    return _checked(Reference(field, same))


def holds_at_once(*fields: str, of: str) -> Callable[[M], M]:
    """Mark arrays of ids: each id is of a row that is there, and together they hold none twice.

    Args:
        of: the model that they name the rows of, as "app.Model".
    """
    return _checked(Holding(fields, of))


def unique_at_once(*fields: str, owner: str, near: str) -> Callable[[M], M]:
    """Mark fields that are unique together among the rows of one owner, checked per statement.

    Args:
        owner: a foreign key; its row is locked, so that two that insert for it take turns.
        near: an indexed field that is equal wherever the fields are: only there is looked.
    """
    return _checked(Uniqueness(fields, owner, near))


def later_at_once(later: str, former: str, *, by: str) -> Callable[[M], M]:
    """Mark two foreign keys to one model: what the first names is later than what the second does.

    Args:
        by: a field of the model that they refer to, greater the later.
    """
    return _checked(Order(later, former, by))


def _checked(check: BulkCheck) -> Callable[[M], M]:
    def mark(model: M) -> M:
        BULK_CHECKS.setdefault(model, []).append(check)
        return model

    return mark
