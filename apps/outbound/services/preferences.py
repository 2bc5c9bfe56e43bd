"""What people choose for themselves: where and when they are told."""

from __future__ import annotations

from zoneinfo import available_timezones

from django.db import transaction

from apps.approvals.permissions import VIEW_REQUESTS
from apps.audit.services import record
from apps.common.access import authorize
from apps.common.advisory import lock_exclusive
from apps.identity.models import User
from apps.outbound.errors import PreferenceInvalid
from apps.outbound.models import MessagePreference
from apps.outbound.posting import check_slack_url
from apps.outbound.services.endpoints import egress_rules
from apps.outbound.states import Rhythm


@transaction.atomic
def choose_messages(
    *,
    actor: User,
    by_email: bool,
    by_slack: bool,
    rhythm: str = Rhythm.AT_ONCE,
    digest_hour: int = 8,
    time_zone: str = "UTC",
    slack_url: str | None = None,
) -> MessagePreference:
    """Have one's notices sent like this from now on; nobody chooses for others.

    Args:
        digest_hour: 0 to 23, by the clock of `time_zone`.
        slack_url: incoming webhook; None keeps the one that is there, "" forgets it.

    Raises:
        NotPermitted: the actor is told nothing here.
        PreferenceInvalid: the field at fault is named.
    """
    authorize(actor, VIEW_REQUESTS)
    lock_exclusive("outbound.preference", actor.pk)
    chosen = MessagePreference.objects.filter(person=actor).first()
    chosen = chosen or MessagePreference(person=actor)
    if by_email and not actor.email:
        raise PreferenceInvalid("You have no e-mail address.", field="by_email")
    if slack_url is not None:
        chosen.slack_url = _sound_slack_url(slack_url)
    if by_slack and not chosen.slack_url:
        raise PreferenceInvalid("Give the URL of an incoming webhook.", field="slack_url")
    if rhythm not in Rhythm.values:
        raise PreferenceInvalid("Choose at_once or daily.", field="rhythm")
    if not 0 <= digest_hour <= 23:
        raise PreferenceInvalid("An hour is one from 0 to 23.", field="digest_hour")
    if time_zone not in available_timezones():
        raise PreferenceInvalid("This is no IANA time zone.", field="time_zone")
    chosen.by_email, chosen.by_slack = by_email, by_slack
    chosen.rhythm, chosen.digest_hour, chosen.time_zone = rhythm, digest_hour, time_zone
    chosen.save()
    record(
        actor=actor,
        action="outbound.preference.choose",
        subject=chosen,
        channels=[str(channel) for channel in chosen.channels],
        rhythm=rhythm,
    )
    return chosen


def _sound_slack_url(url: str) -> str:
    problem = check_slack_url(url, egress_rules()) if url else ""
    if problem:
        raise PreferenceInvalid(problem, field="slack_url")
    return url
