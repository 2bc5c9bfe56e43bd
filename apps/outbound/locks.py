"""Locks of this app, in this order: endpoint, delivery; message.

Rows are locked without their keys (`no_key`): what happens elsewhere meanwhile can still refer to
an endpoint, so that an approval never waits for a webhook.
"""

from __future__ import annotations

from apps.common.access import Actor, one_visible
from apps.outbound.models import Delivery, Endpoint, Message

# The process that sends a delivery holds a session advisory lock of this name on its id.
AT_WORK = "outbound.delivery"
# And likewise the one that sends a message.
SENDING = "outbound.message"


def endpoint_for_update(endpoint_id: int, *, actor: Actor) -> Endpoint:
    """The endpoint's row, locked until the transaction ends.

    Raises:
        NotVisible: no such endpoint for this actor.
    """
    visible = Endpoint.objects.visible_to(actor).select_for_update(no_key=True)
    endpoint: Endpoint = one_visible(visible.filter(pk=endpoint_id))
    return endpoint


def endpoint_held(endpoint_id: int) -> Endpoint:
    """Like `endpoint_for_update`, for scheduled work, which sees everything."""
    endpoint: Endpoint = Endpoint.objects.select_for_update(no_key=True).get(pk=endpoint_id)
    return endpoint


def delivery_held(delivery_id: int) -> Delivery:
    """The delivery with its endpoint and event, its row locked; for scheduled work."""
    delivery: Delivery = (
        Delivery.objects.select_for_update(of=("self",), no_key=True)
        .select_related("endpoint", "event")
        .get(pk=delivery_id)
    )
    return delivery


def delivery_for_update(delivery_id: int, *, actor: Actor) -> Delivery:
    """`delivery_held` for an actor.

    Raises:
        NotVisible: no such delivery for this actor.
    """
    one_visible(Delivery.objects.visible_to(actor).filter(pk=delivery_id))
    return delivery_held(delivery_id)


def message_held(message_id: int) -> Message:
    """The message with its person, its row locked; for scheduled work."""
    message: Message = (
        Message.objects.select_for_update(of=("self",)).select_related("person").get(pk=message_id)
    )
    return message
