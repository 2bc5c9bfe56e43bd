"""What match groups hold: their records, from the group to the record and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from django.db import connection, models
from django.db.models import Exists, F, Func, OuterRef, Q

from apps.ingestion.models import Record
from apps.reconciliation.matching import RuleSet
from apps.reconciliation.models import MatchGroup, Run
from apps.reconciliation.states import Side

Groups = models.QuerySet[Any]

_HOLDING: Final = """
    SELECT DISTINCT number
    FROM (SELECT number, unnest(left_ids || right_ids) AS record_id
          FROM reconciliation_matchgroup WHERE run_id = %s) AS held
    JOIN unnest(%s::bigint[]) AS named (record_id) USING (record_id)
"""
# So many records of a name are looked up by their ids; more are met soon by walking the groups.
_MOST_NAMED: Final = 20_000


class _Each(Func):
    """A row for each element of an array."""

    function = "unnest"
    set_returning = True
    output_field = models.BigIntegerField()


class _Held(Func):
    """The ids of both sides."""

    template = "(%(expressions)s)"
    arg_joiner = " || "


class _IsAmong(Func):
    """Whether an id is an element of an array; an index by the id is used."""

    template = "%(expressions)s)"
    arg_joiner = " = ANY("
    output_field = models.BooleanField()


@dataclass(frozen=True)
class MatchItem:
    """A record in a group; `allocated` is its amount in the left side's sense."""

    record: Record
    side: Side
    allocated: Decimal

    @property
    def record_id(self) -> int:
        return int(self.record.pk)


def with_items(groups: Iterable[MatchGroup]) -> list[MatchGroup]:
    """The groups, each with its match items as `items` (two queries)."""
    listed = list(groups)
    items = items_by_group(listed)
    for group in listed:
        group.items = items[group.pk]  # type: ignore[attr-defined]
    return listed


def items_by_group(groups: Sequence[MatchGroup]) -> dict[int, list[MatchItem]]:
    """The match items of each group by its id, the left ones first (two queries)."""
    records = Record.objects.in_bulk({pk for group in groups for pk in group.record_ids})
    runs = Run.objects.filter(pk__in={group.run_id for group in groups})
    signs = {run.pk: right_sign(run) for run in runs.select_related("rule_set")}
    return {
        group.pk: [
            MatchItem(
                record=records[pk],
                side=side,
                allocated=records[pk].amount * (signs[group.run_id] if side == Side.RIGHT else 1),
            )
            for side, pk in group.members
        ]
        for group in groups
    }


def right_sign(run: Run) -> int:
    """1, or -1 where the rules turn the right side round."""
    return RuleSet.from_mapping(run.rule_set.rules).right_sign


def held_ids(groups: Groups, side: Side) -> list[int]:
    """The records of one side that the groups hold."""
    return list(groups.order_by().values_list(_Each(f"{side}_ids"), flat=True))


def groups_naming(run: Run, words: str) -> Groups:
    """The run's groups with a record whose reference contains the words, or that is called so.

    Called so is a record by its external id. Nothing leads from a record to its groups: a name that
    few have is looked for among the sources' records first, one that many have among the groups.
    """
    is_named = Q(reference__icontains=words) | Q(external_id=words)
    match_type = run.match_type
    sources = (match_type.left_source_id, match_type.right_source_id)
    named = Record.objects.filter(is_named, source__in=sources, booked_on__lte=run.ends_on)
    ids = list(named.order_by().values_list("pk", flat=True)[: _MOST_NAMED + 1])
    groups: Groups = run.groups.all()
    if len(ids) <= _MOST_NAMED:
        return groups.filter(number__in=_numbers_holding(run, ids))
    held = _Held(OuterRef("left_ids"), OuterRef("right_ids"))
    return groups.filter(Exists(Record.objects.filter(_IsAmong(F("pk"), held), is_named)))


def _numbers_holding(run: Run, ids: list[int]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(_HOLDING, [run.pk, ids])
        return [number for (number,) in cursor.fetchall()]
