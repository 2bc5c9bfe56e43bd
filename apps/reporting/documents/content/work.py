"""Section 6: who did what in which task."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Exhibit:
    """A piece of evidence that somebody attached; its content stays in the system."""

    kind: str
    name: str
    media_type: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Who did what in a task, in which role and with what authority at that time.

    Args:
        did: "Prepared", "Reviewed", "Approved", ...
        authority: the grant and limit that allowed it, as of ``acted_at``.
        authentication: how strongly the person had proved who they are.
        exhibits: what was attached with it.
        evidence_hash: for a decision, SHA-256 over the subject's digest and all evidence that
            was there; empty where there was none.
        is_automated: the system did it by itself, in nobody's session.
    """

    did: str
    person: str
    role: str
    authority: str
    acted_at: datetime
    authentication: str
    on_behalf_of: str = ""
    comment: str = ""
    exhibits: tuple[Exhibit, ...] = ()
    evidence_hash: str = ""
    is_automated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What a review control has to show beyond a name."""

    expectation: str
    threshold: str
    examined: str
    questions: str
    resolution: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task of the process."""

    number: str
    name: str
    status: str
    automation: str
    started_at: datetime | None
    finished_at: datetime | None
    acts: tuple[Act, ...] = ()
    review: Review | None = None
