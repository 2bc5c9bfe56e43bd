"""Send messages to people: at least once, one attempt at a time, failures on record.

A try is counted, and the time of the next one set, before anything is sent (see `delivering`). A
mail carries the same Message-ID each time, so that a second one is known for what it is.

Mails go the way of all mails of the site, by Django's backend: one set of settings holds, and the
embedded mode prints them. Slack is apprise's (see `posting.slack`).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from smtplib import SMTPException
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.core import signing
from django.core.mail import EmailMessage
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from apps.approvals.models import Notice
from apps.common.advisory import session_lock
from apps.common.errors import NotVisible
from apps.common.transitions import advance
from apps.outbound.errors import LinkExpired
from apps.outbound.locks import SENDING, message_held
from apps.outbound.models import Message, MessagePreference
from apps.outbound.posting import send_to_slack
from apps.outbound.services.due import queue_due
from apps.outbound.services.endpoints import egress_rules
from apps.outbound.services.messages import SEND_TASK
from apps.outbound.states import (
    FIRST_MESSAGE_WAIT,
    JITTER,
    LINK_LIFE,
    MESSAGE_MOVES,
    MOST_MESSAGE_TRIES,
    Channel,
    MessageStatus,
)

logger = structlog.get_logger(__name__)

_SALT = "outbound.link"
_DIED = "The process that sent it died; whether it arrived is not known."


@dataclass(frozen=True, slots=True)
class _Letter:
    """What is sent, and where to; an address of e-mail or a URL of Slack."""

    message_id: int
    channel: str
    to: str
    subject: str
    text: str


def send_message(*, message_id: int) -> None:
    """Try a message that is due; a no-op if it is not, or another process is at it."""
    with session_lock(SENDING, message_id) as is_ours:
        letter = _begin(message_id) if is_ours else None
        if letter is not None:
            _settle(
                message_id, _mail(letter) if letter.channel == Channel.EMAIL else _slack(letter)
            )


def queue_due_messages() -> int:
    """Queue the messages that are due: digests, retries, what got lost.

    Returns:
        How many were queued.
    """
    waiting = Message.objects.filter(status=MessageStatus.WAITING)
    return queue_due(waiting, task=SEND_TASK, argument="message_id")


def request_behind(token: str) -> int:
    """The request that the link of a message leads to; whoever follows it still has to sign in.

    Raises:
        NotVisible: no link of ours.
        LinkExpired: it is older than seven days.
    """
    try:
        return int(signing.TimestampSigner(salt=_SALT).unsign_object(token, max_age=LINK_LIFE))
    except signing.SignatureExpired:
        raise LinkExpired from None
    except (signing.BadSignature, ValueError, TypeError):
        raise NotVisible from None


def link_to(request_id: int) -> str:
    """The link to a request; empty where the installation does not say where it is reached."""
    if not settings.SITE_URL:
        return ""
    token = signing.TimestampSigner(salt=_SALT).sign_object(request_id)
    return settings.SITE_URL + reverse("outbound:open-link", args=[token])


@transaction.atomic
def _begin(message_id: int) -> _Letter | None:
    """Count the try before it is made; None if it is not the message's turn, or nothing is left."""
    message = message_held(message_id)
    now = timezone.now()
    if message.status != MessageStatus.WAITING or message.due_at > now:
        return None
    notices = _notices_of(message)
    to = _address_of(message)
    if not notices or not to:
        _end(message, MessageStatus.DROPPED, "")
        return None
    if message.try_count >= MOST_MESSAGE_TRIES:  # the last one died
        _end(message, MessageStatus.GIVEN_UP, _DIED)
        return None
    message.try_count += 1
    is_last = message.try_count == MOST_MESSAGE_TRIES
    jitter = random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311
    wait: timedelta = FIRST_MESSAGE_WAIT * (1 if is_last else 2 ** (message.try_count - 1)) * jitter
    message.due_at = message.queued_until = now + wait
    message.save()
    return _Letter(message.pk, message.channel, to, _subject(notices), _text(notices))


def _notices_of(message: Message) -> list[Notice]:
    """What the message tells of, as far as the person may still see it."""
    told = message.lines.values("notice_id")
    return list(
        Notice.objects.visible_to(message.person)
        .filter(pk__in=told)
        .select_related("request", "waiver")
        .order_by("pk")
    )


def _address_of(message: Message) -> str:
    """Where to; empty for whoever has left, or does not want it there any more."""
    preference = MessagePreference.objects.filter(person=message.person).first()
    if not message.person.is_active or preference is None:
        return ""
    if message.channel not in preference.channels:
        return ""
    is_email = message.channel == Channel.EMAIL
    return str(message.person.email if is_email else preference.slack_url)


def _subject(notices: Sequence[Notice]) -> str:
    if len(notices) > 1:
        return f"FinFlow: {len(notices)} notices about approvals"
    return f"FinFlow: {_line(notices[0])}"


def _text(notices: Sequence[Notice]) -> str:
    """Kind, title and link of each; no amount, no name, no other word of the subject."""
    parts = [f"{_line(notice)}\n{_link(notice)}".strip() for notice in notices]
    if settings.SITE_URL:
        parts.append(
            "The links lead to the sign-in, for seven days. Where and when you are told:"
            f" {settings.SITE_URL}{reverse('outbound:messages')}"
        )
    else:
        parts.append("Sign in and look under Approvals.")
    return "\n\n".join(parts)


def _line(notice: Notice) -> str:
    return f"{notice.get_kind_display()}: {' '.join(notice.title.split())}"


def _link(notice: Notice) -> str:
    """To its request, or to the page of waivers, which names none of them in its address."""
    if notice.request_id is not None:
        return link_to(notice.request_id)
    return settings.SITE_URL and settings.SITE_URL + reverse("approvals:waivers")


def _mail(letter: _Letter) -> str:
    """Send it; why it failed, or nothing."""
    host = urlsplit(settings.SITE_URL).hostname or "finflow.invalid"
    mail = EmailMessage(
        letter.subject,
        letter.text,
        to=[letter.to],
        headers={
            "Message-ID": f"<message-{letter.message_id}@{host}>",
            "Auto-Submitted": "auto-generated",
        },
    )
    try:
        mail.send()
    except (SMTPException, OSError) as error:  # their words may repeat the address
        return f"The mail server did not take it ({type(error).__name__})."
    return ""


def _slack(letter: _Letter) -> str:
    answer = send_to_slack(letter.to, title=letter.subject, text=letter.text, egress=egress_rules())
    return answer.error


@transaction.atomic
def _settle(message_id: int, error: str) -> None:
    message = message_held(message_id)
    if message.status != MessageStatus.WAITING:
        return
    if not error:
        _end(message, MessageStatus.SENT, "")
    elif message.try_count >= MOST_MESSAGE_TRIES:
        _end(message, MessageStatus.GIVEN_UP, error)
        logger.warning("message_given_up", message=message.pk, channel=message.channel)
    else:
        message.error = error[:300]
        message.save(update_fields=["error"])


def _end(message: Message, status: MessageStatus, error: str) -> None:
    advance(message, to=status, moves=MESSAGE_MOVES)
    message.error, message.settled_at = error[:300], timezone.now()
    message.save(update_fields=["status", "error", "settled_at"])
