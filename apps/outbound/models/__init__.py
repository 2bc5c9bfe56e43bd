"""What other systems and people are told outside, and every attempt to tell them."""

from apps.outbound.models.endpoints import (
    Delivery,
    DeliveryAttempt,
    Endpoint,
    EndpointNotice,
    WebhookEvent,
)
from apps.outbound.models.messages import Message, MessageLine, MessagePreference

__all__ = [
    "Delivery",
    "DeliveryAttempt",
    "Endpoint",
    "EndpointNotice",
    "Message",
    "MessageLine",
    "MessagePreference",
    "WebhookEvent",
]
