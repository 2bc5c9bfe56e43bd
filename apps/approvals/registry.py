"""Who took part in a subject: its app tells, for only it knows. Registered in `apps.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterable

Participants = Callable[[str], Iterable[int]]

_PARTICIPANTS: dict[str, Participants] = {}


def register_participants(subject_type: str, participants: Participants) -> None:
    """Ask this function who has a hand in a subject, at submission and again at every decision.

    Args:
        subject_type: the model's label in lower case, "reconciliation.run".
        participants: takes the subject's id as requests keep it, answers ids of users.
    """
    _PARTICIPANTS[subject_type] = participants


def participants_in(subject_type: str, subject_id: str) -> frozenset[int]:
    """Ids of the people who have a hand in the subject now; nobody where its app tells nothing."""
    tell = _PARTICIPANTS.get(subject_type)
    return frozenset() if tell is None else frozenset(tell(subject_id))
