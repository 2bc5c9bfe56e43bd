"""Endpoints and messages, and what was sent."""

from apps.outbound.selectors.endpoints import (
    deliveries_for,
    endpoint_notices_for,
    endpoints_for,
)
from apps.outbound.selectors.messages import messages_for, preference_of

__all__ = [
    "deliveries_for",
    "endpoint_notices_for",
    "endpoints_for",
    "messages_for",
    "preference_of",
]
