"""The practice company's months, reconciled one after the other: the numbers are the truth's."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from apps.ingestion.models import Record
from apps.reconciliation.models import BreakItem, MatchGroup, Run
from apps.reconciliation.selectors import causes, match_rate, variance
from tests.reconciliation.conftest import CODES, MONTHS, Practice

pytestmark = pytest.mark.django_db
EACH = pytest.mark.parametrize(
    ("month", "code"), [(month, code) for month in MONTHS for code in CODES]
)


def told(practice: Practice, month: str, code: str) -> tuple[Run, dict[str, Any]]:
    return practice.runs[month, code], practice.truth[month]["match_types"][code]


@EACH
def test_items_and_what_was_carried_in(practice: Practice, month: str, code: str) -> None:
    run, truth = told(practice, month, code)
    assert run.status == "completed"
    for side in ("left", "right"):
        carried = getattr(run, f"carried_{side}_count")
        assert carried == truth[f"carried_{side}_count"]
        assert getattr(run, f"{side}_count") == truth[f"{side}_count"] + carried


@EACH
def test_groups_by_pass(practice: Practice, month: str, code: str) -> None:
    run, truth = told(practice, month, code)
    exact, near = (step["name"] for step in run.rule_set.rules["passes"])
    by_pass = Counter(run.groups.values_list("pass_name", flat=True))
    assert by_pass == {exact: truth["matched_exact"], near: truth["matched_tolerance"]}
    assert run.group_count == run.groups.count() == truth["matched_groups"]


@EACH
def test_breaks_by_cause(practice: Practice, month: str, code: str) -> None:
    run, truth = told(practice, month, code)
    assert {line.cause: line.count for line in causes(run)} == truth["breaks_by_cause"]
    assert run.break_count == run.breaks.count() == truth["break_count"]


@EACH
def test_every_break_is_the_planted_one(practice: Practice, month: str, code: str) -> None:
    run = practice.runs[month, code]
    names = dict(
        BreakItem.objects.filter(broken__run=run).values_list("record", "record__external_id")
    )
    found = Counter(
        (
            broken.cause,
            broken.state == "awaited",
            broken.amount,
            broken.currency,
            *(
                tuple(
                    sorted(
                        names[item.record_id] for item in broken.items.all() if item.side == side
                    )
                )
                for side in ("left", "right")
            ),
        )
        for broken in run.breaks.prefetch_related("items")
    )
    planted = Counter(
        (
            one["cause"],
            one["is_awaited"],
            Decimal(one["amount"]),
            one["currency"],
            tuple(sorted(one["left"])),
            tuple(sorted(one["right"])),
        )
        for one in practice.truth[month]["breaks"]
        if one["match_type"] == code
    )
    assert found == planted


@EACH
def test_totals_and_proof(practice: Practice, month: str, code: str) -> None:
    run, truth = told(practice, month, code)
    (proof,) = run.proof
    assert (proof["left_total"], proof["right_total"]) == (
        truth["left_total"],
        truth["right_total"],
    )
    assert proof["differences"] == truth["matched_residual"]
    assert proof["proof_amount"] == "0.00"
    found = variance(run)
    assert found is not None
    assert found.amount == Decimal(truth["difference"])
    if "variance_percent" in truth:
        assert str(found.percent) == truth["variance_percent"]
        assert str(found.gross_percent) == truth["gross_variance_percent"]
        assert found.percent < 1


@EACH
def test_each_item_is_matched_or_in_a_break_and_in_one_only(
    practice: Practice, month: str, code: str
) -> None:
    run = practice.runs[month, code]
    groups = MatchGroup.objects.filter(run=run)
    matched = [pk for group in groups for _, pk in group.members]
    open_ = list(BreakItem.objects.filter(broken__run=run).values_list("record_id", flat=True))
    assert len(matched) + len(open_) == run.left_count + run.right_count
    assert len({*matched, *open_}) == len(matched) + len(open_)
    share = Decimal(len(matched) * 100) / (run.left_count + run.right_count)
    assert match_rate(run) <= share < match_rate(run) + Decimal("0.01")


@pytest.mark.parametrize("month", MONTHS[1:])
def test_what_was_awaited_meets_its_counterpart(practice: Practice, month: str) -> None:
    for carried in practice.truth[month]["carried_in"]:
        run = practice.runs[month, carried["match_type"]]
        ours, theirs = (
            frozenset(Record.objects.filter(external_id=name).values_list("pk", flat=True))
            for name in (carried["external_id"], carried["counterpart"])
        )
        groups = MatchGroup.objects.filter(run=run)
        (found,) = [group for group in groups if group.record_ids & ours]
        assert found.record_ids & theirs
        assert [side for side, pk in found.members if pk in ours] == [carried["side"]]


def test_running_every_month_again_changes_nothing(practice: Practice, table_counts: Any) -> None:
    before = table_counts()
    for (month, code), run in practice.runs.items():
        assert practice.run(month, code) == run
    assert table_counts() == before
