"""Parts of a source: each record is in one shard, equal keys in the same, later batches in none."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest

from apps.ingestion.models import Source
from apps.ingestion.selectors import (
    Shards,
    agreeing_ids,
    batch_ids,
    record_shards,
    records_frame,
    records_in_shards,
)
from tests.ingestion.conftest import ANNA, BERT, CORA, table

APRIL = {"starts_on": date(2023, 4, 1), "ends_on": date(2023, 4, 30)}
DEARER = ANNA.replace("100.00", "120.00")
REFERENCES = (
    *("A", "A", "a", " A", "A ", "Ä", 'q""q', "q,q", "ü\u00a0", "1", "01", "Z" * 200),
    *("", "", "", ""),
)
MANY = [
    f'M-{at},2023-04-0{at % 9 + 1},{at}.00,"{reference}",Anna,,'
    for at, reference in enumerate(REFERENCES)
]


def asked(source: Source, shards: Shards, **narrowed: Any) -> dict[str, Any]:
    every = {"accounts": None, "snapshot": batch_ids(source.pk), **APRIL, **narrowed}
    return {"source_id": source.pk, "shards": shards, **every}


def in_shard(source: Source, batches: list[int], number: int, count: int) -> pl.DataFrame:
    shards = Shards("reference", count, (number,))
    found = records_in_shards(**asked(source, shards, snapshot=batches))
    assert list(found) == [number]
    return found[number]


def planned(source: Source, shards: Shards, **narrowed: Any) -> pl.DataFrame:
    """Ids with their shards, as they are planned."""
    return record_shards(**asked(source, shards, **narrowed))


@pytest.mark.parametrize("count", [1, 2, 5])
def test_every_record_is_in_one_shard_and_equal_keys_in_the_same(
    count: int, sales: Source, bring: Any
) -> None:
    bring(sales, table(*MANY))
    batches = batch_ids(sales.pk)
    shards = [in_shard(sales, batches, number, count) for number in range(count)]
    every = Shards("reference", count)
    at_once = records_in_shards(**asked(sales, every))
    for number, shard in enumerate(shards):
        assert at_once[number].equals(shard)
        ids = planned(sales, every).filter(pl.col("shard") == number)["id"]
        assert ids.equals(shard["id"])
    everything = records_frame(source_ids=[sales.pk], **APRIL)
    assert pl.concat(shards).sort("id").equals(everything)
    shard_of: dict[str, set[int]] = {}
    for number, shard in enumerate(shards):
        for reference in shard["reference"]:
            shard_of.setdefault(reference, set()).add(number)
    assert all(len(numbers) == 1 for reference, numbers in shard_of.items() if reference)


def test_blank_keys_are_spread(sales: Source, bring: Any) -> None:
    bring(sales, table(*(f"B-{at},2023-04-03,{at}.00,,Anna,," for at in range(20))))
    found = planned(sales, Shards("reference", 4), accounts=["1000"])
    assert found["shard"].value_counts()["count"].to_list() == [5, 5, 5, 5]


def test_what_later_batches_bring_and_amend_is_not_seen(sales: Source, bring: Any) -> None:
    bring(sales, table(ANNA, BERT))
    batches = batch_ids(sales.pk)
    before = records_frame(source_ids=[sales.pk], **APRIL)
    bring(sales, table(DEARER, CORA))
    assert in_shard(sales, batches, 0, 1).equals(before)
    now = batch_ids(sales.pk)
    assert len(now) == 2
    assert in_shard(sales, now, 0, 1).equals(records_frame(source_ids=[sales.pk], **APRIL))


@pytest.mark.parametrize("size", [1, 200_000])
def test_records_can_be_planned_besides(
    size: int, sales: Source, bring: Any, settings: Any
) -> None:
    settings.OWN_PARTITION_FROM = size
    bring(sales, table(ANNA, BERT, CORA))
    anna, bert, cora = records_frame(source_ids=[sales.pk])["id"]
    day = {"starts_on": date(2023, 4, 4), "ends_on": date(2023, 4, 5)}
    one = Shards("reference", 1)
    assert planned(sales, one, more_ids=[anna, cora], **day)["id"].to_list() == [anna, bert, cora]
    taken = records_in_shards(**asked(sales, one, more_ids=[anna, cora], **day))
    assert taken[0].equals(records_frame(source_ids=[sales.pk]))


def test_records_that_agree_in_reference_currency_and_amount_are_found(
    sales: Source, bring: Any
) -> None:
    later = "L-9,2023-05-03,100.00,INV-1,Somebody,,"
    bring(sales, table(ANNA, BERT, CORA, ANNA.replace("L-1", "L-8"), later))
    ids = dict(records_frame(source_ids=[sales.pk]).select("external_id", "id").iter_rows())
    facts = pl.DataFrame(
        {
            "reference": ["INV-1", "INV-2", "INV-3"],
            "currency": ["EUR", "EUR", "USD"],
            "amount": [1_000_000, 402_500, 71_000],
        }
    )
    found = agreeing_ids(source_id=sales.pk, facts=facts, **APRIL)
    assert set(found) == {ids["L-1"], ids["L-8"]}
    more = agreeing_ids(source_id=sales.pk, facts=facts, more_ids=[ids["L-9"]], **APRIL)
    assert set(more) == {ids["L-1"], ids["L-8"], ids["L-9"]}
    assert not len(agreeing_ids(source_id=sales.pk, facts=facts.clear(), **APRIL))


def test_records_are_split_by_nothing_that_is_sealed() -> None:
    with pytest.raises(ValueError, match="'counterparty'"):
        Shards("counterparty", 2)
