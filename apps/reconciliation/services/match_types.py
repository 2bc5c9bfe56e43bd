"""Set up match types and give them rules."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from apps.audit.services import record
from apps.common.access import authorize
from apps.common.advisory import lock_exclusive
from apps.common.errors import NotVisible
from apps.identity.models import Entity, User
from apps.ingestion.models import Source
from apps.reconciliation.errors import MatchTypeExists, MatchTypeInvalid
from apps.reconciliation.locks import match_type_for_update
from apps.reconciliation.matching import RuleSet, RulesInvalid
from apps.reconciliation.models import MatchType, RuleSetVersion
from apps.reconciliation.permissions import MANAGE_MATCH_TYPES


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
) -> MatchType:
    """Create a match type with the first version of its rules.

    Args:
        code: letters, digits, hyphens and underscores.
        left_accounts, right_accounts: only lines on these accounts; empty for all of the source.
        rules: see `matching.RuleSet.from_mapping` and docs/explanation/matching.md.

    Raises:
        NotVisible, NotPermitted: not this actor.
        MatchTypeExists: the code is taken.
        MatchTypeInvalid: a field at fault, sources of another entity, the same lines on both
            sides, or rules with a fault (path named).
    """
    entity = Entity.objects.visible_to(actor).filter(pk=entity_id).first()
    if entity is None:
        raise NotVisible
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
    )
    _require_clean(match_type)
    _require_two_sides(match_type)
    read_rules(rules)
    lock_exclusive("reconciliation.match_type", entity.pk)
    if MatchType.objects.filter(entity=entity, code=code).exists():
        raise MatchTypeExists(field="code")
    match_type.save()
    record(actor=actor, action="reconciliation.match_type.define", subject=match_type, code=code)
    _add_version(match_type, rules, number=1, actor=actor)
    return match_type


@transaction.atomic
def change_rules(*, match_type_id: int, rules: Mapping[str, Any], actor: User) -> RuleSetVersion:
    """Give a match type new rules for runs to come; equal rules change nothing.

    Raises:
        NotVisible, NotPermitted: not this actor.
        MatchTypeInvalid: the rules have a fault (path named).
    """
    match_type = match_type_for_update(match_type_id, actor=actor)
    authorize(actor, MANAGE_MATCH_TYPES, entity_id=match_type.entity_id)
    latest: RuleSetVersion = match_type.rule_sets.latest("number")
    if latest.digest == read_rules(rules).digest:
        return latest
    return _add_version(match_type, rules, number=latest.number + 1, actor=actor)


def read_rules(rules: Mapping[str, Any]) -> RuleSet:
    """The rule set for the kernel.

    Raises:
        MatchTypeInvalid: names the path of the fault.
    """
    if not isinstance(rules, Mapping):
        raise MatchTypeInvalid("Rules are a JSON object.", field="rules")
    if "\\u0000" in json.dumps(rules, default=str):
        raise MatchTypeInvalid("A text has a character that cannot be stored.", field="rules")
    try:
        return RuleSet.from_mapping(rules)
    except RulesInvalid as error:
        raise MatchTypeInvalid(str(error), field="rules") from None


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


def _add_version(
    match_type: MatchType, rules: Mapping[str, Any], *, number: int, actor: User
) -> RuleSetVersion:
    version = RuleSetVersion.objects.create(
        match_type=match_type,
        number=number,
        rules=dict(rules),
        digest=read_rules(rules).digest,
        created_by=actor,
    )
    record(
        actor=actor,
        action="reconciliation.rule_set.add",
        subject=version,
        entity_id=match_type.entity_id,
        number=version.number,
        digest=version.digest,
    )
    return version
