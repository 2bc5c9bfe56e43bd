"""Rows that begin at one instant and end at another, asked about any instant."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q


def standing(begins: str, ends: str, at: datetime | None) -> Q:
    """Rows that nobody has ended; as of an instant, those that stood then.

    Args:
        begins, ends: names of the fields that say since when and until when; the end is empty
            while the row stands.
        at: the instant; None: now.
    """
    if at is None:
        return Q(**{f"{ends}__isnull": True})
    return Q(**{f"{begins}__lte": at}) & (Q(**{f"{ends}__isnull": True}) | Q(**{f"{ends}__gt": at}))


def standing_sql(begins: str, ends: str, at: datetime | None) -> str:
    """`standing` as a condition in a statement, with `at` as its parameter of that name.

    Args:
        begins, ends: names of the columns; never anything that came from outside.
        at: the instant; None: now.
    """
    if at is None:
        return f"{ends} IS NULL"
    return f"{begins} <= %(at)s AND ({ends} IS NULL OR {ends} > %(at)s)"
