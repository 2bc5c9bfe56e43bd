"""Put policies in force and retire them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from apps.approvals.errors import (
    PolicyInvalid,
    PolicyOverlaps,
)
from apps.approvals.locks import (
    policies_for_update,
    policy_for_update,
)
from apps.approvals.models import Policy
from apps.approvals.permissions import (
    DECIDE_REQUEST,
    MANAGE_POLICIES,
)
from apps.approvals.rules import Step, shortage
from apps.approvals.selectors.stages import ALL, people_needed
from apps.audit.services import record
from apps.common.access import authorize
from apps.common.errors import IllegalMove
from apps.common.money import require_minor_units
from apps.identity.holders import roles_holding
from apps.identity.models import User
from apps.identity.selectors import people_who_may

MOST_STAGES: Final = 10


@transaction.atomic
def define_policy(
    *,
    entity_id: int,
    item_type: str,
    stages: Sequence[dict[str, Any]],
    actor: User,
    currency: str = "",
    least_amount: Decimal = Decimal(0),
    below_amount: Decimal | None = None,
    needs_comment: bool = False,
    attestation_text: str = "",
    due_after_hours: int = 24,
) -> Policy:
    """Put a policy in force for new requests; the one for the same range is retired.

    Raises:
        NotPermitted: the actor may not manage policies here.
        PolicyInvalid: no stage, a role or somebody that decides nothing here, a count below one,
            too few people named, or an empty range.
        PolicyOverlaps: the range cuts into that of another policy in force.
    """
    authorize(actor, MANAGE_POLICIES, entity_id=entity_id)
    _require_sound(stages, currency, least_amount, below_amount)
    _require_people(stages, entity_id)
    others = policies_for_update(entity_id=entity_id, item_type=item_type, currency=currency)
    former = next((policy for policy in others if policy.least_amount == least_amount), None)
    _require_disjoint([policy for policy in others if policy != former], least_amount, below_amount)
    if former is not None:
        former.retired_at = timezone.now()
        former.save(update_fields=["retired_at"])
    policy = Policy.objects.create(
        entity_id=entity_id,
        item_type=item_type,
        currency=currency,
        least_amount=least_amount,
        below_amount=below_amount,
        stages=list(stages),
        needs_comment=needs_comment,
        attestation_text=attestation_text,
        due_after_hours=due_after_hours,
        version=former.version + 1 if former else 1,
        created_by=actor,
    )
    record(
        actor=actor,
        action="approvals.policy.define",
        subject=policy,
        item_type=item_type,
        stages=list(stages),
        version=policy.version,
    )
    return policy


@transaction.atomic
def retire_policy(*, policy_id: int, actor: User) -> Policy:
    """Take a policy out of force; requests under it go on under it.

    Raises:
        NotVisible, NotPermitted: not this actor.
        IllegalMove: it is retired already.
    """
    policy = policy_for_update(policy_id, actor=actor)
    authorize(actor, MANAGE_POLICIES, entity_id=policy.entity_id)
    if policy.retired_at is not None:
        raise IllegalMove("This policy is retired already.")
    policy.retired_at = timezone.now()
    policy.save(update_fields=["retired_at"])
    record(actor=actor, action="approvals.policy.retire", subject=policy)
    return policy


def _require_sound(
    stages: Sequence[dict[str, Any]],
    currency: str,
    least_amount: Decimal,
    below_amount: Decimal | None,
) -> None:
    if not 1 <= len(stages) <= MOST_STAGES:
        raise PolicyInvalid(f"A policy has one to {MOST_STAGES} stages.", field="stages")
    for number, stage in enumerate(stages, start=1):
        _require_sound_stage(number, stage)
    if least_amount < 0 or (below_amount is not None and below_amount <= least_amount):
        raise PolicyInvalid("The amount range is empty.", field="below_amount")
    for amount in filter(None, (least_amount, below_amount)):
        if not currency:
            raise PolicyInvalid("Amount limits need a currency.", field="currency")
        require_minor_units(amount, currency)


def _require_sound_stage(number: int, stage: Mapping[str, Any]) -> None:
    if set(stage) not in ({"role", "count"}, {"people", "count"}):
        raise PolicyInvalid(
            f"Stage {number} has a count, and either a role or people.", field="stages"
        )
    if "role" in stage and stage["role"] not in roles_holding(DECIDE_REQUEST):
        raise PolicyInvalid(
            f"Stage {number} names a role that decides nothing.",
            remedy=f"These do: {', '.join(sorted(roles_holding(DECIDE_REQUEST)))}.",
            field="stages",
        )
    if stage["count"] != ALL and (type(stage["count"]) is not int or stage["count"] < 1):
        raise PolicyInvalid(
            f'Stage {number} needs a count of at least 1, or "all".', field="stages"
        )


def _require_people(stages: Sequence[Mapping[str, Any]], entity_id: int) -> None:
    """Whoever is named decides here, and they suffice: nobody decides twice."""
    deciders = people_who_may(DECIDE_REQUEST, entity_id=entity_id)
    ids = {person.username: person.pk for person in deciders}
    steps = []
    for number, stage in enumerate(stages, start=1):
        names = stage.get("people", [])
        if "people" in stage and not names:
            raise PolicyInvalid(f"Stage {number} names nobody.", field="stages")
        strangers = sorted(set(names) - set(ids))
        if strangers:
            raise PolicyInvalid(
                f"Stage {number} names {', '.join(strangers)}, who decides nothing here.",
                remedy="Give a role of the entity that does.",
                field="stages",
            )
        needed = people_needed(stage) if names else 0
        steps.append(Step(frozenset(ids[name] for name in names), needed or 0))
    found = shortage(steps)
    if found is not None:
        numbers = ", ".join(str(step + 1) for step in found.steps)
        raise PolicyInvalid(
            f"Stages {numbers} need {found.needed} different people, and name {len(found.people)}.",
            remedy="Name more people, or ask for fewer.",
            field="stages",
        )


def _require_disjoint(
    others: Sequence[Policy], least_amount: Decimal, below_amount: Decimal | None
) -> None:
    for other in others:
        ends_before = below_amount is not None and below_amount <= other.least_amount
        starts_after = other.below_amount is not None and other.below_amount <= least_amount
        if not (ends_before or starts_after):
            raise PolicyOverlaps(str(other), field="least_amount")
