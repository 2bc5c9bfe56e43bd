"""Tell the people who manage an endpoint that something is wrong with it."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from apps.common.access import authorize
from apps.identity.models import User
from apps.identity.selectors import people_who_may
from apps.outbound.models import Endpoint, EndpointNotice
from apps.outbound.permissions import MANAGE_ENDPOINTS, VIEW_ENDPOINTS
from apps.outbound.states import EndpointNoticeKind


def notify_managers(endpoint: Endpoint, kind: EndpointNoticeKind) -> None:
    """Tell them once a day of a kind, by the entity's clock, however often this is called."""
    today = timezone.now().astimezone(endpoint.entity.zone).date()
    people = people_who_may(MANAGE_ENDPOINTS, entity_id=endpoint.entity_id)
    EndpointNotice.objects.bulk_create(
        [
            EndpointNotice(
                endpoint=endpoint, person_id=person, kind=kind, occasion=today.isoformat()
            )
            for person in people.values_list("pk", flat=True)
        ],
        ignore_conflicts=True,
    )


@transaction.atomic
def read_endpoint_notices(*, up_to_id: int, actor: User) -> int:
    """The actor has read his notices about endpoints, up to the one that he saw last.

    Returns:
        How many were unread.

    Raises:
        NotPermitted: the actor may not look at endpoints.
    """
    authorize(actor, VIEW_ENDPOINTS)
    unread = EndpointNotice.objects.filter(person=actor, read_at__isnull=True, pk__lte=up_to_id)
    return unread.update(read_at=timezone.now())
