"""Tell other systems and people what happens, and set up whom to tell."""

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
from apps.outbound.services.messages import pass_on_notices
from apps.outbound.services.notices import read_endpoint_notices
from apps.outbound.services.preferences import choose_messages
from apps.outbound.services.sending import queue_due_messages, request_behind, send_message

__all__ = [
    "change_endpoint",
    "choose_messages",
    "deliver",
    "pass_on_notices",
    "publish_event",
    "queue_due_deliveries",
    "queue_due_messages",
    "read_endpoint_notices",
    "register_endpoint",
    "request_behind",
    "resend_delivery",
    "retire_endpoint",
    "rotate_secret",
    "send_message",
    "switch_off",
    "switch_on",
]
