"""Endpoints of other systems, what they are told, and every attempt to tell them."""

from apps.outbound.models.endpoints import (
    Delivery,
    DeliveryAttempt,
    Endpoint,
    EndpointNotice,
    WebhookEvent,
)

__all__ = ["Delivery", "DeliveryAttempt", "Endpoint", "EndpointNotice", "WebhookEvent"]
