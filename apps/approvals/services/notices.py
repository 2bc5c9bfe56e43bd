"""Tell people what happened to a request or a waiver."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone

from apps.approvals.models import Notice, Request, Waiver
from apps.approvals.permissions import VIEW_REQUESTS
from apps.approvals.registry import notices_made
from apps.approvals.states import NoticeKind
from apps.common.access import authorize
from apps.identity.models import User


def notify(
    about: Request | Waiver, kind: NoticeKind, people: Iterable[int], *, occasion: str
) -> None:
    """Tell these people, once for each occasion, however often this is called."""
    field = str(about._meta.model_name)
    Notice.objects.bulk_create(
        [
            Notice(**{field: about}, person_id=person, kind=kind, occasion=occasion)
            for person in sorted(set(people))
        ],
        ignore_conflicts=True,
    )
    notices_made(about, kind, occasion)


@transaction.atomic
def read_notices(*, up_to_id: int, actor: User) -> int:
    """The actor has read his notices, up to the one that he saw last.

    Returns:
        How many were unread.

    Raises:
        NotPermitted: the actor may not look at requests.
    """
    authorize(actor, VIEW_REQUESTS)
    unread = Notice.objects.filter(person=actor, read_at__isnull=True, pk__lte=up_to_id)
    return unread.update(read_at=timezone.now())
