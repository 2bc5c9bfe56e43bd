"""How people review, by approver: from decisions, openings and readings of evidence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from apps.approvals.models import Attachment, Decision, Opening
from apps.approvals.permissions import VIEW_CONTROLS
from apps.approvals.rules import Quality, Review, quality_of
from apps.approvals.selectors.duties import days_between
from apps.approvals.states import Verdict
from apps.audit.models import Event
from apps.common.access import authorize
from apps.identity.models import Entity, User

QUICK_SECONDS = 30


@dataclass(frozen=True)
class PersonQuality:
    """How one person reviewed."""

    person: User
    quality: Quality


@dataclass(frozen=True)
class QualityReport:
    """How the people of one entity reviewed in some days, first and last included.

    Attributes:
        everybody: the same figures over all of them.
    """

    entity: Entity
    starts_on: date
    ends_on: date
    quick_seconds: int
    everybody: Quality
    people: tuple[PersonQuality, ...]


def quality_report(
    entity: Entity,
    starts_on: date,
    ends_on: date,
    *,
    actor: User,
    quick_seconds: int = QUICK_SECONDS,
) -> QualityReport:
    """The figures of everybody who decided in these days (four queries).

    Args:
        starts_on, ends_on: first and last day, by the entity's clock.
        quick_seconds: an approval within so many seconds is waved through.

    Raises:
        NotPermitted: the actor looks at no controls there.
        DaysInvalid: the last day is before the first.
    """
    authorize(actor, VIEW_CONTROLS, entity_id=entity.pk)
    start, end = days_between(entity, starts_on, ends_on)
    decisions = list(
        Decision.objects.filter(request__entity=entity)
        .filter(decided_at__gte=start, decided_at__lt=end)
        .select_related("approver")
        .order_by("approver__last_name", "approver__first_name", "approver_id", "pk")
    )
    seen = _Seen(decisions)
    reviews: dict[User, list[Review]] = {}
    for decision in decisions:
        reviews.setdefault(decision.approver, []).append(seen.review(decision))
    quick = timedelta(seconds=quick_seconds)
    return QualityReport(
        entity=entity,
        starts_on=starts_on,
        ends_on=ends_on,
        quick_seconds=quick_seconds,
        everybody=quality_of([one for made in reviews.values() for one in made], quick),
        people=tuple(
            PersonQuality(person, quality_of(made, quick)) for person, made in reviews.items()
        ),
    )


class _Seen:
    """What people opened before they decided, of many decisions at once (three queries)."""

    def __init__(self, decisions: Sequence[Decision]) -> None:
        requests = {decision.request_id for decision in decisions}
        self._openings = _openings_of(Opening.objects.filter(request_id__in=requests))
        self._attachments = _by_request(Attachment.objects.filter(request_id__in=requests))
        self._read_at = _first_readings(self._attachments.values())

    def review(self, decision: Decision) -> Review:
        """One decision with what went before it."""
        person, at = decision.approver_id, decision.decided_at
        there = [
            one.pk
            for one in self._attachments.get(decision.request_id, ())
            if one.attached_at < at and one.attached_by_id != person
        ]
        read = [self._read_at.get((pk, person)) for pk in there]
        return Review(
            is_approval=decision.verdict == Verdict.APPROVE,
            decided_at=at,
            opened_at=self._opened_at(decision),
            there=len(there),
            opened=sum(when is not None and when <= at for when in read),
            door=decision.door,
        )

    def _opened_at(self, decision: Decision) -> datetime | None:
        """When he first opened the newest version that he had seen by then."""
        there = self._openings.get((decision.request_id, decision.approver_id), ())
        seen = [one for one in there if one.opened_at <= decision.decided_at]
        newest = max(seen, key=lambda one: one.version, default=None)
        return None if newest is None else newest.opened_at


def _openings_of(openings: Iterable[Opening]) -> dict[tuple[int, int], list[Opening]]:
    found: dict[tuple[int, int], list[Opening]] = {}
    for one in openings:
        found.setdefault((one.request_id, one.person_id), []).append(one)
    return found


def _by_request(attachments: Iterable[Attachment]) -> dict[int, list[Attachment]]:
    found: dict[int, list[Attachment]] = {}
    for one in attachments:
        found.setdefault(one.request_id, []).append(one)
    return found


def _first_readings(
    attachments: Iterable[Iterable[Attachment]],
) -> dict[tuple[int, int], datetime]:
    """Attachment and person to when he first opened it."""
    ids = [str(one.pk) for each in attachments for one in each]
    readings = Event.objects.filter(
        action="approvals.attachment.read",
        subject_type=Attachment._meta.label_lower,
        subject_id__in=ids,
    ).order_by("pk")
    found: dict[tuple[int, int], datetime] = {}
    for subject_id, person, at in readings.values_list("subject_id", "actor", "occurred_at"):
        found.setdefault((int(subject_id), person), at)
    return found
