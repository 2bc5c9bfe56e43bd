"""The practice company, to try things on."""
# What needs the models is imported once Django is configured.
# ruff: noqa: PLC0415

from __future__ import annotations

from dataclasses import dataclass

from finflow.environment import connect


@dataclass(frozen=True)
class Practice:
    """The practice company. `is_new` tells whether this call loaded it."""

    code: str
    name: str
    is_new: bool


def load_practice() -> Practice:
    """Load the practice company with two closed months, ready to close April 2023.

    Takes some seconds the first time; a second call changes nothing.

    Raises:
        Unavailable: there is no database to work with.
    """
    connect()
    from apps.practice.services import load_company

    loaded = load_company()
    return Practice(loaded.entity.code, loaded.entity.name, loaded.is_new)
