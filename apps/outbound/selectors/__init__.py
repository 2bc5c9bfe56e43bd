"""Endpoints, what was sent to them, and what their managers are told."""

from apps.outbound.selectors.endpoints import (
    deliveries_for,
    endpoint_notices_for,
    endpoints_for,
)

__all__ = ["deliveries_for", "endpoint_notices_for", "endpoints_for"]
