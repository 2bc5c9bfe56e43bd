"""The life of an endpoint and of a delivery, and how long deliveries are tried."""

from datetime import timedelta
from typing import Final

from django.db.models import TextChoices

from apps.common.transitions import Moves


class EndpointStatus(TextChoices):
    ACTIVE = "active", "Active"
    OFF = "off", "Switched off"
    RETIRED = "retired", "Retired"


class DeliveryStatus(TextChoices):
    WAITING = "waiting", "Waiting"
    DELIVERED = "delivered", "Delivered"
    GIVEN_UP = "given_up", "Given up"
    DROPPED = "dropped", "Not sent: the endpoint is off"


class EndpointNoticeKind(TextChoices):
    GIVEN_UP = "given_up", "A delivery was given up"
    SWITCHED_OFF = "switched_off", "The other side wants nothing more; it is switched off"


ENDPOINT_MOVES: Final[Moves] = {
    EndpointStatus.ACTIVE: frozenset({EndpointStatus.OFF, EndpointStatus.RETIRED}),
    EndpointStatus.OFF: frozenset({EndpointStatus.ACTIVE, EndpointStatus.RETIRED}),
}
DELIVERY_MOVES: Final[Moves] = {
    DeliveryStatus.WAITING: frozenset(
        {DeliveryStatus.DELIVERED, DeliveryStatus.GIVEN_UP, DeliveryStatus.DROPPED}
    ),
    # It may be on its way while its endpoint is switched off.
    DeliveryStatus.DROPPED: frozenset({DeliveryStatus.DELIVERED, DeliveryStatus.WAITING}),
    # Sent again because somebody asked for it.
    DeliveryStatus.DELIVERED: frozenset({DeliveryStatus.WAITING}),
    DeliveryStatus.GIVEN_UP: frozenset({DeliveryStatus.WAITING}),
}

# Twelve tries with waits of 42 s, 84 s, 168 s ... between them: 42 s x (2^11 - 1) is a day.
MOST_TRIES: Final = 12
FIRST_WAIT: Final = timedelta(seconds=42)
# Each wait is up to so much shorter or longer, so that what failed together is not tried together.
JITTER: Final = 0.2
# The longest that another side may ask us to wait.
LONGEST_ASKED_WAIT: Final = timedelta(hours=6)
# What was handed to the broker and not begun so long after is handed over again.
LOST_AFTER: Final = timedelta(minutes=2)

# For how long both secrets hold after a change.
OVERLAP_HOURS: Final = 24
LONGEST_OVERLAP_HOURS: Final = 7 * 24


class Channel(TextChoices):
    EMAIL = "email", "E-mail"
    SLACK = "slack", "Slack"


class Rhythm(TextChoices):
    AT_ONCE = "at_once", "At once"
    DAILY = "daily", "Once a day"


class MessageStatus(TextChoices):
    WAITING = "waiting", "Waiting"
    SENT = "sent", "Sent"
    GIVEN_UP = "given_up", "Given up"
    DROPPED = "dropped", "Not sent: there was nothing left to tell"


MESSAGE_MOVES: Final[Moves] = {
    MessageStatus.WAITING: frozenset(
        {MessageStatus.SENT, MessageStatus.GIVEN_UP, MessageStatus.DROPPED}
    ),
}
# Eight tries with waits of 1, 2, 4 ... minutes between them: two hours.
MOST_MESSAGE_TRIES: Final = 8
FIRST_MESSAGE_WAIT: Final = timedelta(minutes=1)
# Links in messages lead to the application for so long; they never sign anybody in.
LINK_LIFE: Final = timedelta(days=7)
