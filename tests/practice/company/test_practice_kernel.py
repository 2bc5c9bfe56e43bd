"""The product's own file formats and matching kernel find the planted truth, month after month."""

from __future__ import annotations

import calendar
import json
from datetime import date
from decimal import Decimal
from functools import cache

import polars as pl
import pytest

from apps.ingestion.formats import FieldMapping, Reading, read
from apps.reconciliation.matching import ITEM_SCHEMA, Outcome, RuleSet, reconcile
from tests.practice.company.plain_matcher import rule
from tests.practice.company.plain_reader import FIXTURES, MONTHS, load, rows_of, source, truth

MATCH_TYPES = ("gl_erp", "bank_gl", "gateway_gl", "jobs_revenue")
SOURCES = [one["code"] for one in load("sources.json")["sources"]]

every_month = pytest.mark.parametrize("month", MONTHS)
every_reconciliation = pytest.mark.parametrize("code", MATCH_TYPES)


@cache
def _reading(code: str, month: str) -> Reading:
    spec = source(code)
    mapping = FieldMapping.from_dict(spec["mapping"]) if spec["mapping"] else None
    path = FIXTURES / spec["path"].format(month=month)
    content = path.read_bytes()
    if code == "client_jobs":  # the list alone: not every reader knows what an API calls it
        content = json.dumps(json.loads(content)["jobs"]).encode()
    return read(content, filename=path.name, format=spec["format"], mapping=mapping)


def _items(code: str, side: str, month: str) -> pl.DataFrame:
    spec = rule(code)[side]
    lines = _reading(spec["source"], month).lines
    return lines.filter(pl.col("account").is_in(spec["accounts"]))


@cache
def _run(code: str, month: str) -> tuple[Outcome, dict[str, pl.DataFrame]]:
    """The kernel's outcome, and the items of each side, those carried in first."""
    sides = {}
    for side in ("left", "right"):
        parts = [*_awaited_before(code, side, month), _items(code, side, month)]
        frame = pl.concat(parts).with_row_index("id").cast({"id": pl.Int64})
        sides[side] = frame.select(ITEM_SCHEMA.names())
    year, number = map(int, month.split("-"))
    as_of = date(year, number, calendar.monthrange(year, number)[1])
    rules = RuleSet.from_mapping(rule(code)["rules"])
    return reconcile(sides["left"], sides["right"], rules, as_of=as_of), sides


def _awaited_before(code: str, side: str, month: str) -> list[pl.DataFrame]:
    if month == MONTHS[0]:
        return []
    before = MONTHS[MONTHS.index(month) - 1]
    outcome, sides = _run(code, before)
    awaited = outcome.breaks.filter(pl.col("state") == "awaited").select("break_no")
    ids = outcome.break_items.join(awaited, on="break_no").filter(pl.col("side") == side)
    found = sides[side].filter(pl.col("id").is_in(ids["item_id"].to_list()))["external_id"]
    lines = _items(code, side, before)
    return [lines.filter(pl.col("external_id").is_in(found.to_list()))]


def _breaks(outcome: Outcome, sides: dict[str, pl.DataFrame]) -> set[tuple]:
    names = {
        side: dict(items.select("id", "external_id").iter_rows()) for side, items in sides.items()
    }
    members = {number: {"left": [], "right": []} for number in outcome.breaks["break_no"]}
    for number, side, item_id in outcome.break_items.iter_rows():
        members[number][side].append(names[side][item_id])
    return {
        (
            row["cause"],
            row["state"] == "awaited",
            tuple(sorted(members[row["break_no"]]["left"])),
            tuple(sorted(members[row["break_no"]]["right"])),
            Decimal(row["amount"]) / 10_000,
        )
        for row in outcome.breaks.iter_rows(named=True)
    }


@every_month
@pytest.mark.parametrize("code", SOURCES)
def test_the_file_formats_read_every_line(code, month):
    reading = _reading(code, month)
    assert reading.rejected == ()
    assert all(statement.ties is not False for statement in reading.statements)
    found = reading.lines.select("external_id", "account", "booked_on", "amount", "reference")
    assert found.rows() == [
        (row.external_id, row.account, row.booked_on, int(row.amount * 10_000), row.reference)
        for row in rows_of(code, month)
    ]


@every_month
@every_reconciliation
def test_the_kernel_finds_exactly_the_planted_breaks(month, code):
    planted = {
        (
            one["cause"],
            one["is_awaited"],
            tuple(sorted(one["left"])),
            tuple(sorted(one["right"])),
            Decimal(one["amount"]),
        )
        for one in truth(month)["breaks"]
        if one["match_type"] == code
    }
    assert _breaks(*_run(code, month)) == planted


@every_month
@every_reconciliation
def test_the_kernel_makes_the_expected_matches_and_proves_its_totals(month, code):
    outcome, _ = _run(code, month)
    expected = truth(month)["match_types"][code]
    exact, tolerance = (step["name"] for step in rule(code)["rules"]["passes"])
    by_pass = dict(outcome.groups.group_by("pass_name").len().iter_rows())
    assert by_pass == {
        exact: expected["matched_exact"],
        tolerance: expected["matched_tolerance"],
    }
    proof = outcome.proof.row(0, named=True)
    assert proof["left_total"] == int(Decimal(expected["left_total"]) * 10_000)
    assert proof["right_total"] == int(Decimal(expected["right_total"]) * 10_000)
    assert proof["differences"] == int(Decimal(expected["matched_residual"]) * 10_000)
    assert proof["proof_amount"] == 0
