"""What a run found as people may see it: names and narratives masked without the right.

Amounts of the right side are shown as they are compared: turned round where the rules say so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from apps.common.access import Actor
from apps.ingestion.models import Record, Source
from apps.ingestion.selectors import holds_bank_accounts, record_shown, records_named
from apps.privacy.classification import Classification
from apps.privacy.masking import shown_to
from apps.reconciliation.models import Break, BreakItem, MatchGroup
from apps.reconciliation.selectors.groups import right_sign
from apps.reconciliation.states import Side

Rows = dict[str, list[dict[str, Any]]]

# Reasons name a field and then its value; of these fields the value is no secret.
_OPEN_FIELDS: Final = ("reference", "currency", "booked_on", "value_on", "external_id", "amount")
_EQUAL: Final = re.compile(r"^(?P<field>\w+) equal: (?P<value>.*)$", re.DOTALL)
_DIFFERS: Final = re.compile(r"\b(?P<field>counterparty|narrative|account) differs: .*$", re.DOTALL)


def items_shown(found: Break | MatchGroup, *, actor: Actor) -> Rows:
    """The records of a break or group by side, as rows.

    Each row is as `ingestion.selectors.record_shown` gives it, with `compared` (the amount in the
    left side's sense), `source`, and the `line` and `batch_id` that it came from.
    """
    run = found.run
    match_type = run.match_type
    sides: Rows = {}
    for side, source in (
        (Side.LEFT, match_type.left_source),
        (Side.RIGHT, match_type.right_source),
    ):
        ids = _record_ids(found, side)
        sign = right_sign(run) if side == Side.RIGHT else 1
        sides[side.value] = [
            {**row, "compared": row["amount"] * sign} for row in _rows(source, ids, actor)
        ]
    return sides


def original_shown(broken: Break, *, actor: Actor) -> dict[str, Any] | None:
    """The record that a duplicate copies, as `items_shown` shows it; None for other causes."""
    original_id = broken.evidence.get("original_id")
    item = broken.items.first()
    if original_id is None or item is None:
        return None
    match_type = broken.run.match_type
    is_left = item.side == Side.LEFT
    source = match_type.left_source if is_left else match_type.right_source
    sign = 1 if is_left else right_sign(broken.run)
    rows = _rows(source, [original_id], actor)
    return {**rows[0], "compared": rows[0]["amount"] * sign} if rows else None


def reasons_shown(group: MatchGroup, *, actor: Actor) -> list[str]:
    """Why the group's items belong together, in sentences."""
    entity_id = group.run.entity_id
    return [_equal_shown(sentence, actor, entity_id) for sentence in group.reasons]


def reason_shown(broken: Break, *, actor: Actor) -> str:
    """The break's cause in a sentence."""
    return _differing_shown(broken.reason, actor, broken.run.entity_id)


def evidence_shown(broken: Break, *, actor: Actor) -> dict[str, Any]:
    """What decided the cause; texts in it are masked like the reason."""
    entity_id = broken.run.entity_id
    return {
        name: [
            _differing_shown(each, actor, entity_id) if isinstance(each, str) else each
            for each in value
        ]
        if isinstance(value, list)
        else value
        for name, value in broken.evidence.items()
    }


def _record_ids(found: Break | MatchGroup, side: Side) -> list[int]:
    if isinstance(found, MatchGroup):
        return [pk for of_side, pk in found.members if of_side == side]
    items = BreakItem.ever.filter(broken=found, side=side)
    return list(items.order_by("record_id").values_list("record_id", flat=True))


def _rows(source: Source, record_ids: Sequence[int], actor: Actor) -> list[dict[str, Any]]:
    if not record_ids:
        return []
    places = {
        pk: (line, batch_id, filename)
        for pk, line, batch_id, filename in Record.objects.filter(pk__in=record_ids).values_list(
            "pk", "line", "batch_id", "batch__filename"
        )
    }
    are_bank_accounts = holds_bank_accounts(source)
    frame = records_named(source_ids=[source.pk], record_ids=record_ids)
    rows = []
    for row in frame.iter_rows(named=True):
        line, batch_id, filename = places[row["id"]]
        shown = record_shown(row, actor=actor, source=source, are_bank_accounts=are_bank_accounts)
        rows.append({**shown, "line": line, "batch_id": batch_id, "filename": filename})
    return rows


def _equal_shown(sentence: str, actor: Actor, entity_id: int) -> str:
    match = _EQUAL.match(sentence)
    if match is None or match["field"] in _OPEN_FIELDS:
        return sentence
    value = shown_to(actor, match["value"], Classification.CONFIDENTIAL, entity_id=entity_id)
    return f"{match['field']} equal: {value}"


def _differing_shown(sentence: str, actor: Actor, entity_id: int) -> str:
    match = _DIFFERS.search(sentence)
    if match is None:
        return sentence
    hidden = shown_to(actor, match[0], Classification.CONFIDENTIAL, entity_id=entity_id)
    if hidden == match[0]:
        return sentence
    return f"{sentence[: match.start()]}{match['field']} differs"
