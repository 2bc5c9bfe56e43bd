"""Tell other systems what happens, and set up whom to tell."""

from apps.outbound.services.delivering import deliver, queue_due_deliveries, resend_delivery
from apps.outbound.services.endpoints import (
    change_endpoint,
    register_endpoint,
    retire_endpoint,
    rotate_secret,
    switch_off,
    switch_on,
)
from apps.outbound.services.events import publish_event
from apps.outbound.services.notices import read_endpoint_notices

__all__ = [
    "change_endpoint",
    "deliver",
    "publish_event",
    "queue_due_deliveries",
    "read_endpoint_notices",
    "register_endpoint",
    "resend_delivery",
    "retire_endpoint",
    "rotate_secret",
    "switch_off",
    "switch_on",
]
