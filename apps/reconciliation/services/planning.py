"""Whether a run is split into shards, by what, and which records it takes if it is."""

from __future__ import annotations

import hashlib
import os
from dataclasses import asdict

from django.conf import settings

from apps.audit.services import canonical_bytes
from apps.ingestion.selectors import batch_ids
from apps.reconciliation.matching.splitting import Split, obstacle, splits_of
from apps.reconciliation.models import RematchPermit, Revision, Run, Shard, ShardPlan
from apps.reconciliation.selectors.items import carried_over, population_ids
from apps.reconciliation.selectors.sharding import (
    PlannedShard,
    most_records,
    planned_shards,
    sides_of,
)
from apps.reconciliation.services.by_hand import hand_work
from apps.reconciliation.services.learning import rules_to_run
from apps.reconciliation.states import SPLIT_FIELDS, Side

# A key is no use if one shard has more than so many times its share: the others would wait for it.
_MOST_UNEVEN = 1.5
_MOST_READ_AT_ONCE = 4  # shards: what is read at once lies in memory at once
_MOST_IN_A_SHARD = 2_500_000  # records of both sides: about 2 GB of memory


def planned(run: Run) -> ShardPlan | None:
    """The plan of a large run, stored with its shards; None if it is done in one piece.

    `run.division` says why; the caller saves it. What the plan names is what the run takes:
    records that come in later are not its own.
    """
    carried = {side.value: ids for side, ids in carried_over(run).items()}
    most = most_records(run) + sum(map(len, carried.values()))
    count = settings.RECONCILE_SHARDS or _worthwhile(most)
    if count == 1 or most < settings.RECONCILE_SHARDS_FROM:
        return None  # not worth counting
    rules = rules_to_run(run.rule_set)
    splits = splits_of(rules, SPLIT_FIELDS)
    if not splits:
        run.division = f"In one piece. {obstacle(rules, SPLIT_FIELDS)}"
        return None
    plan = ShardPlan(
        run=run,
        batch_ids={side.value: batch_ids(source.pk) for side, source, _ in sides_of(run)},
        carried_ids=carried,
        taken_ids=_taken_ids(run),
        hand_digest=hand_digest(run),
    )
    for split in splits:
        shards = planned_shards(plan, split, count)
        rows = [shard.left_count + shard.right_count for shard in shards]
        if sum(rows) < settings.RECONCILE_SHARDS_FROM:
            return None
        if max(rows) * count <= sum(rows) * _MOST_UNEVEN:
            return _stored(plan, split, shards, len(rules.passes))
        share = 100 * max(rows) // sum(rows)
        run.division = f"In one piece. By {split.key}, one shard had {share}% of the records."
    return None


def readers(shards: int) -> int:
    """How many shards' workers read the records of the others along with their own."""
    return max(os.cpu_count() or 1, -(-shards // _MOST_READ_AT_ONCE))


def _worthwhile(records: int) -> int:
    """How many shards keep all cores busy, and none of them out of memory."""
    return max(os.cpu_count() or 1, -(-records // _MOST_IN_A_SHARD))


def split_of(plan: ShardPlan) -> Split:
    """The plan's split, as the kernel takes it."""
    return Split(plan.key, plan.pass_count)


def hand_digest(run: Run) -> str:
    """SHA-256 over all that people did to outcomes of the match type: another one, another run."""
    of_match_type = {"run__match_type_id": run.match_type_id}
    revisions = Revision.objects.filter(**of_match_type).order_by("pk")
    permits = RematchPermit.objects.filter(
        revocation__revision__run__match_type_id=run.match_type_id
    ).order_by("pk")
    facts = [list(rows.values_list("pk", flat=True)) for rows in (revisions, permits)]
    return hashlib.sha256(canonical_bytes(facts)).hexdigest()


def _taken_ids(run: Run) -> dict[str, list[int]]:
    work = hand_work(run, lambda: population_ids(run))
    members = [member for forced in work.forced for member in forced.members]
    return {
        side.value: sorted(pk for of_side, pk in members if of_side == side)
        for side in (Side.LEFT, Side.RIGHT)
    }


def _stored(
    plan: ShardPlan, split: Split, shards: list[PlannedShard], pass_count: int
) -> ShardPlan:
    plan.key, plan.pass_count = split.key, split.passes
    plan.save()
    Shard.objects.bulk_create(
        Shard(plan=plan, number=number, **asdict(shard)) for number, shard in enumerate(shards)
    )
    passes = "the first pass" if split.passes == 1 else f"the first {split.passes} passes"
    if split.passes == pass_count:
        passes = "all passes"
    plan.run.division = f"In {len(shards)} shards by {split.key}: {passes}."
    return plan
