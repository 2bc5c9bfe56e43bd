"""Set up match types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from apps.audit.services import record
from apps.common.access import authorize, one_visible
from apps.common.advisory import lock_exclusive
from apps.identity.models import Entity, User
from apps.ingestion.models import Source
from apps.reconciliation.errors import MatchTypeExists, MatchTypeInvalid
from apps.reconciliation.locks import match_type_for_update
from apps.reconciliation.models import MatchType
from apps.reconciliation.permissions import MANAGE_MATCH_TYPES
from apps.reconciliation.services.rule_sets import add_version, read_rules
from apps.reconciliation.states import Carries


@transaction.atomic
def define_match_type(
    *,
    entity_id: int,
    code: str,
    name: str,
    left_source_id: int,
    right_source_id: int,
    rules: Mapping[str, Any],
    actor: User,
    left_accounts: Sequence[str] = (),
    right_accounts: Sequence[str] = (),
    description: str = "",
    carries: str = Carries.AWAITED,
) -> MatchType:
    """Create a match type with the first version of its rules.

    Where a policy asks for an approval of "matching_rules", no run starts before somebody else
    approved them.

    Args:
        code: letters, digits, hyphens and underscores.
        left_accounts, right_accounts: only lines on these accounts; empty for all of the source.
        carries: what the next run takes up, "awaited" items or all "open" ones.
        rules: see `matching.RuleSet.from_mapping` and docs/explanation/matching.md.

    Raises:
        NotVisible, NotPermitted: not this actor.
        MatchTypeExists: the code is taken.
        MatchTypeInvalid: a field at fault, sources of another entity, the same lines on both
            sides, or rules with a fault (path named).
    """
    entity = one_visible(Entity.objects.visible_to(actor).filter(pk=entity_id))
    authorize(actor, MANAGE_MATCH_TYPES, entity_id=entity.pk)
    match_type = MatchType(
        entity=entity,
        code=code,
        name=name.strip(),
        description=description.strip(),
        left_source=_source(entity, left_source_id, "left_source"),
        left_accounts=_accounts(left_accounts, "left_accounts"),
        right_source=_source(entity, right_source_id, "right_source"),
        right_accounts=_accounts(right_accounts, "right_accounts"),
        carries=carries,
    )
    _require_clean(match_type)
    _require_two_sides(match_type)
    read_rules(rules)
    lock_exclusive("reconciliation.match_type", entity.pk)
    if MatchType.objects.filter(entity=entity, code=code).exists():
        raise MatchTypeExists(field="code")
    match_type.save()
    record(actor=actor, action="reconciliation.match_type.define", subject=match_type, code=code)
    add_version(match_type, rules, number=1, actor=actor)
    return match_type


@transaction.atomic
def choose_carries(*, match_type_id: int, carries: str, actor: User) -> MatchType:
    """Say what runs to come take up of what the run before left open.

    Raises:
        NotVisible, NotPermitted: not this actor.
        MatchTypeInvalid: no such choice.
    """
    match_type = match_type_for_update(match_type_id, actor=actor)
    authorize(actor, MANAGE_MATCH_TYPES, entity_id=match_type.entity_id)
    if carries not in Carries.values:
        raise MatchTypeInvalid("Choose what is carried.", field="carries")
    match_type.carries = carries
    match_type.save(update_fields=["carries"])
    record(
        actor=actor,
        action="reconciliation.match_type.choose_carries",
        subject=match_type,
        carries=carries,
    )
    return match_type


def _source(entity: Entity, source_id: int, field: str) -> Source:
    source: Source | None = Source.objects.filter(pk=source_id, entity=entity).first()
    if source is None:
        raise MatchTypeInvalid("There is no such source here.", field=field)
    return source


def _accounts(accounts: Sequence[str], field: str) -> list[str]:
    listed = list(accounts)
    if isinstance(accounts, str) or not all(
        isinstance(account, str) and account.strip() and "\0" not in account for account in listed
    ):
        raise MatchTypeInvalid("Accounts are a list of account codes.", field=field)
    return list(dict.fromkeys(listed))


def _require_clean(match_type: MatchType) -> None:
    if "\0" in match_type.name + match_type.description:
        raise MatchTypeInvalid("A text has a character that cannot be stored.", field="name")
    try:
        match_type.full_clean(validate_unique=False, validate_constraints=False)
    except ValidationError as error:
        field, problems = next(iter(error.message_dict.items()))
        raise MatchTypeInvalid(" ".join(problems), field=field) from None


def _require_two_sides(match_type: MatchType) -> None:
    """A line is on one side only: two sides of one source need accounts that do not meet."""
    if match_type.left_source_id != match_type.right_source_id:
        return
    left, right = set(match_type.left_accounts), set(match_type.right_accounts)
    if not left or not right or left & right:
        raise MatchTypeInvalid(
            "Both sides would take the same lines of the same source.",
            remedy="Choose another source, or accounts that are on one side only.",
            field="right_accounts",
        )
