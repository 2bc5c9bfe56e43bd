"""Which records a run takes that is carried out in shards, shard by shard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl
from django.db.models import Sum

from apps.ingestion.models import Batch, Source
from apps.ingestion.selectors import Part, agreeing_ids, records_frame, shard_sizes
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


def planned_sizes(plan: ShardPlan, split: Split, count: int) -> list[tuple[int, int]]:
    """The records that each of so many shards would have, left and right."""
    run = plan.run
    left, right = (
        shard_sizes(
            source_id=source.pk,
            starts_on=run.starts_on,
            ends_on=run.ends_on,
            accounts=accounts,
            part=Part(plan.batch_ids[side], split.field(side), count=count),
            more_ids=plan.carried_ids[side],
            without_ids=plan.taken_ids[side],
        )
        for side, source, accounts in sides_of(run)
    )
    return list(zip(left, right, strict=True))


def shard_items(
    plan: ShardPlan, numbers: Sequence[int], split: Split
) -> dict[int, tuple[pl.DataFrame, pl.DataFrame]]:
    """The records of some shards, left and right, as they were when the run was planned."""
    run, count = plan.run, plan.shards.count()
    sides = []
    for side, source, accounts in sides_of(run):
        part = Part(None, split.field(side), tuple(numbers), count, with_shard=True)
        current = records_frame(
            source_ids=[source.pk],
            starts_on=run.starts_on,
            ends_on=run.ends_on,
            accounts=accounts,
            part=replace(part, batch_ids=plan.batch_ids[side]),
        )
        carried = records_frame(
            source_ids=[source.pk], record_ids=plan.carried_ids[side], part=part
        )
        taken = pl.Series(plan.taken_ids[side], dtype=pl.Int64).implode()
        items = pl.concat([carried, current]).filter(~pl.col("id").is_in(taken))
        sides.append(_by_shard(items, numbers))
    left, right = sides
    return {number: (left[number], right[number]) for number in numbers}


def _by_shard(items: pl.DataFrame, numbers: Sequence[int]) -> dict[int, pl.DataFrame]:
    found = items.partition_by("shard", as_dict=True, include_key=False)
    return {number: found.get((number,), items.drop("shard").clear()) for number in numbers}


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
        frames.append(records_frame(source_ids=[source.pk], record_ids=ids["id"].to_list()))
    return frames[0], frames[1]


def taken_items(plan: ShardPlan) -> dict[str, pl.DataFrame]:
    """By side, the records that people have matched by hand."""
    return {
        side: records_frame(source_ids=[source.pk], record_ids=plan.taken_ids[side])
        for side, source, _ in sides_of(plan.run)
    }
