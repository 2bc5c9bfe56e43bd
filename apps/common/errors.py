"""Refusals: what FinFlow answers when it will not do what was asked.

Every app derives its own from these. A refusal is a fact in plain words, carries the HTTP status
that doors answer with, and never a raw value or a trace.
"""

from __future__ import annotations

from typing import Any


class Refusal(Exception):
    """The base of all refusals.

    Attributes:
        code: stable upper-case name, part of the API.
        status: HTTP status that REST and pages answer with.
        message: what is refused and why, for people.
        remedy: what would help; may be empty.
        field: the input field at fault; may be empty.
        details: facts for machines (ids, counts), never personal data.
    """

    code = "REFUSED"
    status = 409
    message = "This is not possible now."
    remedy = ""

    def __init__(
        self,
        message: str | None = None,
        *,
        remedy: str | None = None,
        field: str = "",
        **details: Any,
    ) -> None:
        self.message = message or self.message
        self.remedy = remedy if remedy is not None else self.remedy
        self.field = field
        self.details = details
        super().__init__(self.message)

    @property
    def words(self) -> str:
        """Message and remedy, as people read them."""
        return f"{self.message} {self.remedy}".strip()


class Invalid(Refusal):
    """The input is well-formed but not acceptable."""

    code = "INVALID"
    status = 422
    message = "The input is not acceptable."


class Malformed(Refusal):
    """The input cannot be read at all."""

    code = "MALFORMED"
    status = 400
    message = "The input cannot be read."


class NotPermitted(Refusal):
    """The actor sees the object but may not do this to it."""

    code = "NOT_PERMITTED"
    status = 403
    message = "You may not do this."
    remedy = "Ask a controller of this entity for the role that may."


class NotVisible(Refusal):
    """Nothing is there for this actor; the same answer as for what does not exist."""

    code = "NOT_FOUND"
    status = 404
    message = "There is nothing here."


class Conflict(Refusal):
    """The state has moved on, or something else stands in the way."""

    code = "CONFLICT"
    status = 409


class StaleVersion(Conflict):
    """Somebody changed it since the actor last saw it."""

    code = "STALE_VERSION"
    message = "This has changed since you opened it."
    remedy = "Open it again, look at what changed, and repeat your step."


class IllegalMove(Conflict):
    """The state machine has no such move from where the object is."""

    code = "ILLEGAL_MOVE"
