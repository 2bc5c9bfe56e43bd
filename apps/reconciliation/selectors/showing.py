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
from apps.privacy.permissions import READ_CONFIDENTIAL
from apps.reconciliation.models import Break, BreakItem, MatchGroup
from apps.reconciliation.selectors.groups import right_sign
from apps.reconciliation.states import Side

Rows = dict[str, list[dict[str, Any]]]

# Without the right everything is masked that is not known to be open: what a field holds that
# the rules compare, and facts of a cause that nobody has put on these lists yet.
_OPEN_FIELDS: Final = frozenset(
    {"reference", "currency", "booked_on", "value_on", "external_id", "amount"}
)
_OPEN_IN_BREAKS: Final = _OPEN_FIELDS | {"rate"}  # what an hour costs
_OPEN_FACTS: Final = frozenset(
    {
        "age_days",
        "amount",
        "as_of",
        "awaited_days",
        "booked_on",
        "converted",
        "copies",
        "corrected_from",
        "counterparts",
        "currency",
        "difference",
        "error",
        "fee",
        "further",
        "implied_rate",
        "left_amount",
        "left_amounts",
        "left_booked_on",
        "left_candidates",
        "left_count",
        "left_id",
        "left_key",
        "left_period",
        "left_rate",
        "left_reference",
        "left_total",
        "original_id",
        "original_on",
        "pass",
        "pass_name",
        "quantity",
        "rate_id",
        "reference",
        "revoked_group",
        "right_amount",
        "right_amounts",
        "right_booked_on",
        "right_candidates",
        "right_count",
        "right_id",
        "right_key",
        "right_period",
        "right_rate",
        "right_reference",
        "right_total",
        "said",
        "source",
        "split_from",
    }
)
_COMPARED: Final = re.compile(
    r"^(?P<fields>.+?) (?P<how>equal|differs|\d+% alike): "
    r"(?P<value>.*?)(?P<weight> \(weight [^()]*\))?$",
    re.DOTALL,
)
_DIFFERS: Final = re.compile(
    r"(?:^|(?<=but )|(?<=; ))(?P<field>(?:(?!but |; ).)*?) differs: ", re.DOTALL
)


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
    if _reads_names(actor, group.run.entity_id):
        return list(group.reasons)
    return [_compared_masked(sentence, actor, group.run.entity_id) for sentence in group.reasons]


def reason_shown(broken: Break, *, actor: Actor) -> str:
    """The break's cause in a sentence."""
    if _reads_names(actor, broken.run.entity_id):
        return broken.reason
    return _reason_masked(broken, actor)


def evidence_shown(broken: Break, *, actor: Actor) -> dict[str, Any]:
    """What decided the cause; texts in it are masked like the reason."""
    if _reads_names(actor, broken.run.entity_id):
        return broken.evidence
    return {
        name: value if name in _open_facts(broken) else _masked(value, actor, broken.run.entity_id)
        for name, value in broken.evidence.items()
    }


def _reads_names(actor: Actor, entity_id: int) -> bool:
    return actor.may(READ_CONFIDENTIAL, entity_id)


def _open_facts(broken: Break) -> frozenset[str]:
    """The names of facts to show; `value` is what two keys have in common."""
    keys = {broken.evidence.get("left_key"), broken.evidence.get("right_key")}
    return _OPEN_FACTS | {"value"} if keys <= _OPEN_FIELDS else _OPEN_FACTS


def _masked(value: Any, actor: Actor, entity_id: int) -> Any:
    if isinstance(value, list):
        return [_masked(each, actor, entity_id) for each in value]
    if not isinstance(value, str):
        return value
    cut = _differing_masked(value)
    if cut != value:
        return cut
    return shown_to(actor, value, Classification.CONFIDENTIAL, entity_id=entity_id)


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


def _compared_masked(sentence: str, actor: Actor, entity_id: int) -> str:
    """`counterparty 93% alike: ACME Ltd / Acme Limited (weight 5.2)` without the names."""
    match = _COMPARED.match(sentence)
    if match is None or set(match["fields"].split(" = ")) <= _OPEN_FIELDS:
        return sentence
    told = f"{match['fields']} {match['how']}"
    if match["how"] == "equal":
        value = shown_to(actor, match["value"], Classification.CONFIDENTIAL, entity_id=entity_id)
        told = f"{told}: {value}"
    return told + (match["weight"] or "")


def _reason_masked(broken: Break, actor: Actor) -> str:
    sentence = broken.reason
    value = broken.evidence.get("value")
    if isinstance(value, str) and "value" not in _open_facts(broken):
        hidden = shown_to(actor, value, Classification.CONFIDENTIAL, entity_id=broken.run.entity_id)
        sentence = sentence.replace(f" {value}: ", f" {hidden}: ", 1)
    return _differing_masked(sentence)


def _differing_masked(sentence: str) -> str:
    """The sentence up to the first field with other values that are not open."""
    for match in _DIFFERS.finditer(sentence):
        if match["field"] not in _OPEN_IN_BREAKS:
            return f"{sentence[: match.start()]}{match['field']} differs"
    return sentence
