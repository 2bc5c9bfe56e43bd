"""How people had proved who they are when they acted, as far as it is on record."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from apps.audit.models import Event
from apps.reporting.documents.figures import write_instant

NOT_ON_RECORD: Final = "No sign-in on record"
_OPEN, _CLOSE = "identity.session.open", "identity.session.close"
_LONGEST_SESSION = timedelta(hours=12)


class SignIns:
    """The sessions of some people, read once."""

    def __init__(self, user_ids: Iterable[int]) -> None:
        """Args: user_ids: whose sessions may be asked for."""
        events = Event.objects.filter(
            action__in=(_OPEN, _CLOSE),
            subject_type="identity.user",
            subject_id__in=sorted({str(pk) for pk in user_ids}),
        )
        self._events: dict[str, list[tuple[datetime, str]]] = {}
        for subject, at, action in events.order_by("id").values_list(
            "subject_id", "occurred_at", "action"
        ):
            self._events.setdefault(subject, []).append((at, action))

    def before(self, user_id: int, acted_at: datetime) -> str:
        """When the person had signed in, in words; a session lasts twelve hours at most."""
        latest = None
        for at, action in self._events.get(str(user_id), ()):
            if at <= acted_at:
                latest = (at, action)
        if latest is None or latest[1] == _CLOSE or acted_at - latest[0] > _LONGEST_SESSION:
            return NOT_ON_RECORD
        return f"Signed in {write_instant(latest[0])}"
