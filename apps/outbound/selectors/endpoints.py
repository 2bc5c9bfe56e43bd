"""Endpoints and deliveries as an actor sees them."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Max, Q

from apps.identity.models import User
from apps.outbound.models import Delivery, Endpoint, EndpointNotice
from apps.outbound.states import DeliveryStatus


def endpoints_for(actor: User) -> Any:
    """The endpoints that the actor sees, by name, each with how many deliveries wait and were
    given up, and when it last took one (a queryset).
    """
    return (
        Endpoint.objects.visible_to(actor)
        .select_related("entity", "created_by")
        .annotate(
            waiting_count=Count(
                "deliveries", filter=Q(deliveries__status=DeliveryStatus.WAITING), distinct=True
            ),
            given_up_count=Count(
                "deliveries", filter=Q(deliveries__status=DeliveryStatus.GIVEN_UP), distinct=True
            ),
            taken_at=Max(
                "deliveries__settled_at", filter=Q(deliveries__status=DeliveryStatus.DELIVERED)
            ),
        )
        .order_by("name", "pk")
    )


def deliveries_for(actor: User) -> Any:
    """Deliveries that the actor sees, newest first, with their attempts (a queryset)."""
    return (
        Delivery.objects.visible_to(actor)
        .select_related("endpoint", "endpoint__entity", "event", "event__entity")
        .prefetch_related("attempts")
        .order_by("-id")
    )


def endpoint_notices_for(actor: User) -> Any:
    """What the actor was told about endpoints that he may still see, newest first (a queryset)."""
    return (
        EndpointNotice.objects.visible_to(actor)
        .filter(person=actor)
        .select_related("endpoint", "endpoint__entity")
        .order_by("-id")
    )
