"""Which records a run takes that is carried out in shards, shard by shard."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl
from django.db.models import Sum

from apps.ingestion.models import Batch, Source
from apps.ingestion.selectors import (
    Shards,
    agreeing_ids,
    record_shards,
    records_in_shards,
    records_named,
)
from apps.reconciliation.matching.shards import COPY_FACTS, ShardOutcome
from apps.reconciliation.matching.splitting import Split
from apps.reconciliation.models import Run, ShardPlan
from apps.reconciliation.states import Side


def sides_of(run: Run) -> tuple[tuple[Side, Source, Sequence[str] | None], ...]:
    """Each side with its source and its accounts (None: all)."""
    match_type = run.match_type
    return (
        (Side.LEFT, match_type.left_source, match_type.left_accounts or None),
        (Side.RIGHT, match_type.right_source, match_type.right_accounts or None),
    )


def most_records(run: Run) -> int:
    """How many records the run's days can have at most: told by the batches, without counting."""
    sources = [source.pk for _, source, _ in sides_of(run)]
    batches = Batch.objects.filter(
        source__in=sources, starts_on__lte=run.ends_on, ends_on__gte=run.starts_on
    )
    return batches.aggregate(total=Sum("added_count", default=0))["total"]


@dataclass(frozen=True)
class PlannedShard:
    """How many records a shard has on either side, and the digest over which these are."""

    left_count: int
    right_count: int
    digest: str


def planned_shards(plan: ShardPlan, split: Split, count: int) -> list[PlannedShard]:
    """What each of so many shards would have."""
    run = plan.run
    sides = []
    for side, source, accounts in sides_of(run):
        ids = record_shards(
            source_id=source.pk,
            starts_on=run.starts_on,
            ends_on=run.ends_on,
            accounts=accounts,
            snapshot=plan.batch_ids[side],
            shards=Shards(split.field(side), count),
            more_ids=plan.carried_ids[side],
        )
        ids = _without(ids, plan.taken_ids[side])
        sides.append([ids.filter(pl.col("shard") == number) for number in range(count)])
    left, right = sides
    return [
        PlannedShard(
            left[number].height, right[number].height, digest_of(left[number], right[number])
        )
        for number in range(count)
    ]


def digest_of(left: pl.DataFrame, right: pl.DataFrame) -> str:
    """SHA-256 over the ids of a shard's records: they tell whether it holds those it should."""
    digest = hashlib.sha256()
    for side in (left, right):
        ids = side["id"].sort().to_numpy()
        digest.update(len(ids).to_bytes(8, "big"))
        digest.update(ids.astype(">i8").tobytes())
    return digest.hexdigest()


def shard_items(
    plan: ShardPlan, numbers: Sequence[int], split: Split
) -> dict[int, tuple[pl.DataFrame, pl.DataFrame]]:
    """The records of some shards, left and right, as they were when the run was planned."""
    count = plan.shards.count()
    left, right = (
        _side_in_shards(plan, side, source, accounts, Shards(split.field(side), count, (*numbers,)))
        for side, source, accounts in sides_of(plan.run)
    )
    return {number: (left[number], right[number]) for number in numbers}


def _side_in_shards(
    plan: ShardPlan, side: Side, source: Source, accounts: Sequence[str] | None, shards: Shards
) -> dict[int, pl.DataFrame]:
    run = plan.run
    found = records_in_shards(
        source_id=source.pk,
        starts_on=run.starts_on,
        ends_on=run.ends_on,
        accounts=accounts,
        snapshot=plan.batch_ids[side],
        shards=shards,
        more_ids=plan.carried_ids[side],
    )
    return {number: _without(items, plan.taken_ids[side]) for number, items in found.items()}


def _without(records: pl.DataFrame, ids: Sequence[int]) -> pl.DataFrame:
    if not ids:
        return records  # as nearly always: to filter them would be to copy them
    return records.filter(~pl.col("id").is_in(pl.Series(ids, dtype=pl.Int64).implode()))


def copies_in_shards(
    plan: ShardPlan, found: ShardOutcome, split: Split
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Of either side, the matched records that may be copies of open ones (see `finished`)."""
    run = plan.run
    frames = []
    for side, source, _ in sides_of(run):
        if split.field(side) == "reference":  # copies agree in it, so they share a shard
            frames.append(found.copies[side])
            continue
        told = found.sides[side].filter(pl.col("reference").str.strip_chars() != "")
        alike = agreeing_ids(
            source_id=source.pk,
            starts_on=run.starts_on,
            ends_on=run.ends_on,
            facts=told.select(COPY_FACTS),
            more_ids=plan.carried_ids[side],
        )
        held = found.members.filter(pl.col("side") == side)["item_id"]
        ids = (
            pl.Series("id", alike, dtype=pl.Int64)
            .to_frame()
            .join(held.alias("id").to_frame(), on="id", how="semi")
        )
        frames.append(records_named(source_ids=[source.pk], record_ids=ids["id"].to_list()))
    return frames[0], frames[1]


def taken_items(plan: ShardPlan) -> dict[str, pl.DataFrame]:
    """By side, the records that people have matched by hand."""
    return {
        side: records_named(source_ids=[source.pk], record_ids=plan.taken_ids[side])
        for side, source, _ in sides_of(plan.run)
    }
