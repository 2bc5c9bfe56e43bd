"""An entity's people and a request as they were at an instant, for the rules of today's decisions.

Everything here is read from what cannot be changed afterwards: the audit trail, histories, and
rows that only ever begin and end. What was not kept yet at that time is told as a gap.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Prefetch, prefetch_related_objects
from django.utils import timezone

from apps.approvals.models import (
    Conflict,
    Decision,
    Escalation,
    Policy,
    Reassignment,
    Request,
)
from apps.approvals.permissions import DECIDE_REQUEST
from apps.approvals.rules import Spell
from apps.approvals.selectors.roles import Account, accounts_at, role_spells
from apps.approvals.selectors.staff import Staff
from apps.approvals.selectors.standing import standing_on
from apps.identity.holders import roles_holding
from apps.identity.models import Entity, User


@dataclass(frozen=True)
class Roster:
    """The people of an entity at an instant.

    Attributes:
        staff: as the rules take them: who was deactivated is left out.
        accounts: everybody who ever held a role there, and whoever else was asked about, in the
            order of their names.
        roles: person to the roles that he held, deactivated or not.
        once_deciding: who held a role that decides at any time.
        gaps: what is not on record for that instant, in words.
    """

    staff: Staff
    accounts: dict[int, Account]
    roles: dict[int, frozenset[str]]
    once_deciding: frozenset[int]
    gaps: tuple[str, ...]


def roster_at(entity: Entity, at: datetime, *, besides: Iterable[int] = ()) -> Roster:
    """Who held which role, limit, leave and delegation at the instant (five queries).

    Args:
        besides: whose accounts are told too, role or not.
    """
    known = role_spells(entity)
    standing = standing_on([entity], at=at)[entity.pk]
    named = {pk for one in standing.absences.mandates for pk in (one.delegator_id, one.delegate_id)}
    accounts = accounts_at({spell.person_id for spell in known} | named | {*besides}, at)
    held = [spell for spell in known if spell.holds_at(at)]
    roles = _roles(held, accounts)
    there = [pk for pk, account in accounts.items() if account.is_active and pk in roles]
    staff = Staff(
        roles={pk: roles[pk] for pk in there},
        names={pk: accounts[pk].username for pk in there},
        shown={pk: str(accounts[pk].user) for pk in there},
        limits=standing.limits,
        absences=standing.absences,
        waivers=standing.waivers,
    )
    deciding = roles_holding(DECIDE_REQUEST)
    return Roster(
        staff=staff,
        accounts=accounts,
        roles=roles,
        once_deciding=frozenset(one.person_id for one in known if one.role in deciding),
        gaps=tuple(_gaps(held, accounts)),
    )


def request_at(request: Request, at: datetime) -> Request:
    """The request as it was at the instant (six queries).

    Of a time before it was asked for: as it was when it was, with all who took part in it since.
    """
    is_asked = request.requested_at <= at
    past = _version(request, at) if is_asked else _first_version(request)
    seen: Any = copy(request) if past is None else past.instance
    seen.seen_at = at
    # None of these changes with time, and whoever asks has read them.
    seen.entity, seen.maker, seen.policy = request.entity, request.maker, request.policy
    decisions, escalations = Decision.objects.all(), Escalation.objects.all()
    conflicts = Conflict.objects.all()
    if is_asked:
        conflicts = conflicts.exclude(noted_at__gt=at)
    seen._prefetched_objects_cache = {}
    prefetch_related_objects(
        [seen],
        Prefetch("decisions", decisions.filter(decided_at__lte=at)),
        Prefetch("escalations", escalations.filter(escalated_at__lte=at)),
        Prefetch("reassignments", Reassignment.objects.filter(reassigned_at__lte=at)),
        Prefetch("conflicts", conflicts),
    )
    return seen


def imagined(
    *,
    entity: Entity,
    item_type: str,
    policy: Policy,
    at: datetime,
    maker: User,
    amount: Decimal | None = None,
    currency: str = "",
) -> Request:
    """A request that nobody made, as if it had just been asked for; it is never saved."""
    request = Request(
        pk=0,
        entity=entity,
        item_type=item_type,
        policy=policy,
        maker=maker,
        amount=amount,
        currency=currency,
        split_amount=Decimal(0),
        title=f"Any {item_type.replace('_', ' ')}",
        requested_at=at,
        due_at=at,
    )
    request.seen_at = at
    prefetch_related_objects([request], "decisions", "escalations", "reassignments", "conflicts")
    return request


def _version(request: Request, at: datetime) -> Any:
    past = request.history.filter(history_date__lte=at).order_by("-history_date", "-history_id")
    return past.first() or _first_version(request)


def _first_version(request: Request) -> Any:
    return request.history.order_by("history_date", "history_id").first()


def _roles(held: Iterable[Spell], accounts: dict[int, Account]) -> dict[int, frozenset[str]]:
    found: dict[int, set[str]] = {}
    for spell in held:
        found.setdefault(spell.person_id, set()).add(spell.role)
    return {pk: frozenset(found[pk]) for pk in accounts if pk in found}


def _gaps(held: Iterable[Spell], accounts: dict[int, Account]) -> Iterable[str]:
    """What is taken for granted because nothing on record says otherwise."""
    for spell in sorted(held, key=lambda spell: (spell.role, spell.person_id)):
        if spell.since is None:
            yield (
                f"Since when {accounts[spell.person_id].user} held the role {spell.role} is not on"
                " record: taken as held."
            )
    for account in accounts.values():
        if not account.is_known:
            yield (
                f"The history of the account of {account.user} begins later: taken as it is now."
            )


def conflict_gap(request: Request) -> str:
    """What is not on record about who took part; empty if all of it is."""
    unknown = [one for one in request.conflicts.all() if one.noted_at is None]
    if not unknown:
        return ""
    people = "1 person" if len(unknown) == 1 else f"{len(unknown)} people"
    return f"Since when {people} took part is not on record: taken as from the beginning."


def is_future(at: datetime) -> bool:
    """Whether the instant has not come yet."""
    return at > timezone.now()
