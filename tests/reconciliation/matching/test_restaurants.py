"""Fuzzy matching of real data without labels: 533 x 331 restaurants, 112 of them the same."""

from __future__ import annotations

import csv
from pathlib import Path

import polars as pl
import pytest

from apps.reconciliation.matching import reconcile
from tests.reconciliation.matching.making import AS_OF, item, items, paired, rules, window

FOLDER = Path(__file__).parent / "restaurants"


def guide(name: str) -> pl.DataFrame:
    """Name, address and telephone number; there is no amount and no date."""
    with (FOLDER / name).open() as file:
        rows = list(csv.DictReader(file))
    texts = {"counterparty": "name", "narrative": "addr", "reference": "phone"}
    return items(
        *(
            item(int(row["id"]), "0.00", **{field: row[column] for field, column in texts.items()})
            for row in rows
        )
    )


def truth() -> set[tuple[int, int]]:
    with (FOLDER / "matches_fodors_zagats.csv").open() as file:
        return {(int(row["fodors_id"]), int(row["zagats_id"])) for row in csv.DictReader(file)}


NAME, ADDRESS, TELEPHONE = "counterparty", "narrative", "reference"


@pytest.mark.parametrize(
    ("fields", "needed", "suggested", "pairs", "true"),
    [
        ([NAME, ADDRESS, TELEPHONE], [NAME], "0.9", 112, 112),
        ([NAME, ADDRESS, TELEPHONE], [], "0.9", 114, 112),
        ([NAME, ADDRESS, TELEPHONE], [], "0.9999", 109, 109),
        ([NAME, ADDRESS], [], "0.9", 111, 110),
    ],
)
def test_the_pairs_found_are_the_true_ones(fields, needed, suggested, pairs, true):
    """As docs/reference/matching-rules.md says."""
    likeness = {"fields": fields, "needed": needed, "suggested": suggested, "automatic": "0.9999"}
    step = {"name": "f", "kind": "fuzzy", "date_window": window(0, 0), "likeness": likeness}
    found = paired(reconcile(guide("fodors.csv"), guide("zagats.csv"), rules(step), as_of=AS_OF))
    assert (len(found), len(found & truth()), len(truth())) == (pairs, true, 112)
