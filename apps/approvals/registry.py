"""What other apps tell approvals, and what they are told. Registered in their `apps.py`.

Who took part in a subject, what has overtaken it, and how what was done with it is undone, only its
app knows; where else people are told of notices, others see to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

Participants = Callable[[str], Iterable[int]]

Overtaken = Callable[[str], str]

NoticeListener = Callable[[Any, str, str], None]

_PARTICIPANTS: dict[str, Participants] = {}
_OVERTAKEN: dict[str, Overtaken] = {}
_REMEDIES: dict[str, str] = {}
_FLOORS: dict[str, int] = {}
_NOTICE_LISTENERS: list[NoticeListener] = []


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


def register_overtaken(subject_type: str, tell: Overtaken) -> None:
    """Ask this function, whenever somebody would approve, whether the world has moved on.

    For a subject that nobody changed, but that says something of what others go on changing.

    Args:
        subject_type: the model's label in lower case.
        tell: takes the subject's id as requests keep it, answers what has overtaken it as a
            sentence, or an empty text.
    """
    _OVERTAKEN[subject_type] = tell


def overtaken_by(subject_type: str, subject_id: str) -> str:
    """What has overtaken the subject since it was asked for; empty if it can be approved."""
    tell = _OVERTAKEN.get(subject_type)
    return "" if tell is None else tell(subject_id)


def register_remedy(subject_type: str, remedy: str) -> None:
    """Say this to whoever would revoke an approval that was acted upon.

    Args:
        subject_type: the model's label in lower case.
        remedy: what undoes it: "Reverse the journal entry."
    """
    _REMEDIES[subject_type] = remedy


def remedy_for(subject_type: str) -> str:
    """How what was done upon the approval is undone, in words."""
    return _REMEDIES.get(subject_type, "Undo it where it was done.")


def register_floor(item_type: str, people: int) -> None:
    """Have at least so many different people approve each thing of this kind.

    Without a policy it cannot be asked for at all, and no policy asks for fewer.
    """
    _FLOORS[item_type] = people


def floor_for(item_type: str) -> int:
    """How many different people have to approve it at least; 0 where policies alone say."""
    return _FLOORS.get(item_type, 0)


def on_notice(listener: NoticeListener) -> None:
    """Call this with request or waiver, kind and occasion whenever people get notices.

    It is called in the transaction that makes them, and again if they are made again.
    """
    if listener not in _NOTICE_LISTENERS:
        _NOTICE_LISTENERS.append(listener)


def notices_made(about: Any, kind: str, occasion: str) -> None:
    """Tell everybody who wants to know."""
    for listener in _NOTICE_LISTENERS:
        listener(about, kind, occasion)
