"""What a policy has to be like to work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from apps.approvals.errors import PolicyInvalid, PolicyOverlaps
from apps.approvals.models import Policy
from apps.approvals.permissions import DECIDE_REQUEST
from apps.approvals.registry import floor_for
from apps.approvals.rules import Step, shortage
from apps.approvals.selectors.stages import ALL, is_within_limit, least_people, people_needed
from apps.approvals.states import ASKABLE_KINDS
from apps.common.money import require_minor_units
from apps.identity.holders import roles_holding
from apps.identity.selectors import people_who_may

MOST_STAGES: Final = 10
MOST_ESCALATIONS: Final = 5


def require_sound(
    stages: Sequence[dict[str, Any]],
    currency: str,
    least_amount: Decimal,
    below_amount: Decimal | None,
) -> None:
    if not 1 <= len(stages) <= MOST_STAGES:
        raise PolicyInvalid(f"A policy has one to {MOST_STAGES} stages.", field="stages")
    for number, stage in enumerate(stages, start=1):
        _require_sound_stage(number, stage)
    if not any(map(is_within_limit, stages)):
        raise PolicyInvalid(
            "Every stage is a review, so nobody's limit would count.",
            remedy="Let the amount count at one stage at least.",
            field="stages",
        )
    if least_amount < 0 or (below_amount is not None and below_amount <= least_amount):
        raise PolicyInvalid("The amount range is empty.", field="below_amount")
    for amount in filter(None, (least_amount, below_amount)):
        if not currency:
            raise PolicyInvalid("Amount limits need a currency.", field="currency")
        require_minor_units(amount, currency)


def _require_sound_stage(number: int, stage: Mapping[str, Any]) -> None:
    if set(stage) - {"within_limit"} not in ({"role", "count"}, {"people", "count"}):
        raise PolicyInvalid(
            f"Stage {number} has a count, and either a role or people.", field="stages"
        )
    if "role" in stage and stage["role"] not in roles_holding(DECIDE_REQUEST):
        raise PolicyInvalid(
            f"Stage {number} names a role that decides nothing.",
            remedy=f"These do: {', '.join(sorted(roles_holding(DECIDE_REQUEST)))}.",
            field="stages",
        )
    if type(stage.get("within_limit", True)) is not bool:
        raise PolicyInvalid(
            f"Stage {number}: the amount counts (true) or does not (false).", field="stages"
        )
    if stage["count"] != ALL and (type(stage["count"]) is not int or stage["count"] < 1):
        raise PolicyInvalid(
            f'Stage {number} needs a count of at least 1, or "all".', field="stages"
        )


def require_kinds(evidence_kinds: Sequence[str]) -> None:
    """Each kind of evidence is one that can be asked for, and is asked for once."""
    unknown = [kind for kind in evidence_kinds if kind not in ASKABLE_KINDS]
    if unknown:
        raise PolicyInvalid(
            f"{', '.join(map(str, unknown))} cannot be asked for as evidence.",
            remedy=f"These can: {', '.join(ASKABLE_KINDS)}.",
            field="evidence_kinds",
        )
    if len(set(evidence_kinds)) != len(evidence_kinds):
        raise PolicyInvalid("A kind of evidence is asked for twice.", field="evidence_kinds")


def require_escalation(path: Sequence[Mapping[str, Any]], entity_id: int) -> None:
    """Each authority on the path is a role or people that decide here."""
    if len(path) > MOST_ESCALATIONS:
        raise PolicyInvalid(
            f"A policy escalates {MOST_ESCALATIONS} times at most.", field="escalation"
        )
    for added in path:
        if set(added) not in ({"role"}, {"people"}):
            raise PolicyInvalid("Each escalation has either a role or people.", field="escalation")
    try:
        for number, added in enumerate(path, start=1):
            _require_sound_stage(number, {**added, "count": 1})
            require_people([{**added, "count": 1}], entity_id)
    except PolicyInvalid as refusal:
        raise PolicyInvalid(
            f"Escalation: {refusal.message}", remedy=refusal.remedy, field="escalation"
        ) from None


def require_time(due_after_hours: int, expires_after_days: int | None) -> None:
    """A step has at least an hour, and a request at least a day."""
    if due_after_hours < 1:
        raise PolicyInvalid("A step takes at least an hour.", field="due_after_hours")
    if expires_after_days is not None and expires_after_days < 1:
        raise PolicyInvalid("A request lasts at least a day.", field="expires_after_days")


def require_people(stages: Sequence[Mapping[str, Any]], entity_id: int) -> None:
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


def require_disjoint(
    others: Sequence[Policy], least_amount: Decimal, below_amount: Decimal | None
) -> None:
    for other in others:
        ends_before = below_amount is not None and below_amount <= other.least_amount
        starts_after = other.below_amount is not None and other.below_amount <= least_amount
        if not (ends_before or starts_after):
            raise PolicyOverlaps(str(other), field="least_amount")


def require_floor(item_type: str, stages: Sequence[Mapping[str, Any]]) -> None:
    """The policy asks for as many different people as things of this kind take at least."""
    least = floor_for(item_type)
    if least_people(stages) < least:
        raise PolicyInvalid(
            f"A {item_type.replace('_', ' ')} is approved by at least {least} different people.",
            remedy="Raise a count, or add a stage.",
            field="stages",
        )
