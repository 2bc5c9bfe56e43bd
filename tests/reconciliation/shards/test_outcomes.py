"""Runs in shards: what one process finds, found by many, and nothing twice or in part."""

from __future__ import annotations

from typing import Any

import pytest

from apps.audit.models import Event
from apps.identity.models import Entity, User
from apps.ingestion.models import Source
from apps.ingestion.services import import_file
from apps.operations.models import OutboxMessage
from apps.reconciliation.models import (
    Break,
    BreakItem,
    MatchGroup,
    Run,
    Shard,
    ShardPlan,
)
from apps.reconciliation.selectors import items_by_group
from apps.reconciliation.services import (
    begin_run,
    change_rules,
    correct_cause,
    define_match_type,
    execute_run,
    force_match,
    permit_rematch,
    planning,
    unmatch_group,
)
from tests.reconciliation.conftest import MAY, RULES, Pair, lines
from tests.reconciliation.shards.conftest import stored_files, work_off

FACTS = (MatchGroup, Break, BreakItem)


def found_by(run: Run) -> dict[str, Any]:
    """Everything that a run stored, without the numbers that the database gave."""
    groups = MatchGroup.ever.filter(run=run).order_by("number")
    breaks = Break.ever.filter(run=run).order_by("number")
    return {
        "digests": (run.input_digest, run.outcome_digest, run.proof),
        "counts": (run.left_count, run.right_count, run.group_count, run.break_count),
        "carried": (run.carried_left_count, run.carried_right_count),
        "groups": list(
            groups.values_list("number", "pass_name", "status", "reasons", "difference")
        ),
        "members": [group.members for group in groups],
        "breaks": list(breaks.values_list("number", "cause", "state", "reason", "evidence")),
        "break_items": sorted(
            BreakItem.ever.filter(broken__run=run).values_list(
                "broken__number", "side", "record_id"
            )
        ),
    }


def as_one_piece(pair: Pair, settings: Any, **days: Any) -> dict[str, Any]:
    """What one process finds now; a run of the same days after it is carried out again."""
    shards, settings.RECONCILE_SHARDS = settings.RECONCILE_SHARDS, 1
    Run.objects.update(input_digest="other")
    whole = pair.run(**days)
    settings.RECONCILE_SHARDS = shards
    assert (whole.status, whole.division) == ("completed", "")
    Run.objects.filter(pk=whole.pk).update(input_digest="other")
    OutboxMessage.objects.all().delete()
    return found_by(whole)


MORE_PASSES = [
    *RULES["passes"],
    {
        "name": "Same day",
        "kind": "exact",
        "keys": ["amount", "booked_on"],
        "status": "suggested",
    },
]


@pytest.mark.parametrize(
    ("passes", "division"),
    [
        (RULES["passes"], "In 3 shards by reference: all passes."),
        (MORE_PASSES, "In 3 shards by reference: the first 2 passes."),
        (
            [RULES["passes"][0], {**MORE_PASSES[2], "keys": ["amount"]}],
            "In 3 shards by reference: the first pass.",
        ),
    ],
)
def test_workers_find_what_one_process_finds(
    passes: list[Any], division: str, filled: Pair, connie: User, in_shards: None, settings: Any
) -> None:
    change_rules(
        match_type_id=filled.match_type.pk,
        rules={**RULES, "version": "2", "passes": passes},
        actor=connie,
    )
    expected = as_one_piece(filled, settings)
    run = filled.start()
    assert work_off() == ["execute_run", *["match_shard"] * 3, "finish_run", "forget_shards"]
    run.refresh_from_db()
    assert found_by(run) == expected
    assert run.division == division
    assert not ShardPlan.objects.exists()
    assert not stored_files()
    assert Event.objects.filter(action="reconciliation.run.split").count() == 1


def test_one_process_works_the_shards_off_by_itself(
    filled: Pair, in_shards: None, settings: Any
) -> None:
    expected = as_one_piece(filled, settings)
    run = filled.run()
    assert run.status == "completed"
    assert found_by(run) == expected
    assert set(work_off()) == {"execute_run", "match_shard", "finish_run", "forget_shards"}
    run.refresh_from_db()
    assert found_by(run) == expected
    assert not stored_files()


def test_what_people_did_is_put_back(
    filled: Pair, rita: User, in_shards: None, settings: Any
) -> None:
    first = filled.run()
    by_reference = {
        item.record.reference: group.number
        for group in MatchGroup.objects.filter(run=first)
        for item in items_by_group([group])[group.pk]
    }
    unmatch_group(run_id=first.pk, number=by_reference["INV-1"], reason="Not theirs", actor=rita)
    unmatch_group(run_id=first.pk, number=by_reference["INV-2"], reason="Nor this", actor=rita)
    permit_rematch(run_id=first.pk, number=by_reference["INV-2"], reason="It was", actor=rita)
    ids = Break.objects.filter(run=first, items__record__reference="INV-1")
    force_match(
        run_id=first.pk, break_ids=list(ids.values_list("pk", flat=True)), reason="Is", actor=rita
    )
    broken = Break.objects.get(run=first, items__record__reference="INV-7")
    correct_cause(break_id=broken.pk, cause="timing", reason="Later", actor=rita)
    expected = as_one_piece(filled, settings)
    run = filled.start()
    OutboxMessage.objects.exclude(task__endswith="execute_run").delete()
    work_off()
    run.refresh_from_db()
    found = found_by(run)
    assert found == expected
    assert "forced" in {status for _, _, status, *_ in found["groups"]}


def test_what_the_month_before_left_over_is_carried_in(
    filled: Pair, in_shards: None, settings: Any
) -> None:
    filled.run()
    filled.bring("left", ("INV-20", "02", "5.00"), month="2023-05")
    filled.bring("right", ("INV-9", "02", "75.00"), ("INV-20", "02", "5.00"), month="2023-05")
    expected = as_one_piece(filled, settings, **MAY)
    assert expected["carried"] == (1, 0)
    run = filled.run(**MAY)
    assert run.division
    assert found_by(run) == expected


def test_records_that_come_in_meanwhile_belong_to_the_next_run(
    filled: Pair, in_shards: None, settings: Any
) -> None:
    filled.bring("left", ("INV-30", "03", "8.00"))
    expected = as_one_piece(filled, settings)
    run = filled.start()
    begin_run(run_id=run.pk)
    filled.bring("right", ("INV-30", "03", "8.00"), ("INV-9", "28", "75.00"))
    filled.bring("left", ("INV-1", "03", "101.00"))  # amends the first line
    run = execute_run(run_id=run.pk)
    assert found_by(run) == expected
    newer = filled.start()
    assert newer != run
    newer = execute_run(run_id=newer.pk)
    assert newer.status == "completed"
    assert found_by(newer) == as_one_piece(filled, settings)


def test_copies_in_other_shards_are_known(
    sources: tuple[Source, Source],
    entity: Entity,
    connie: User,
    alice: User,
    in_shards: None,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    step = {"name": "Account", "kind": "exact", "keys": ["account", "amount"]}
    match_type = define_match_type(
        entity_id=entity.pk,
        code="by_account",
        name="By account",
        left_source_id=sources[0].pk,
        right_source_id=sources[1].pk,
        rules={**RULES, "passes": [step]},
        actor=connie,
    )
    pair = Pair(match_type, *sources, alice)
    brought = [(number, sources[0]) for number in range(8)]
    for number, source in [*brought, *((number, sources[1]) for number in range(5))]:
        line = lines(("INV-1", "03", "10.00"), account=f"A{number}", prefix=f"{number}-")
        import_file(source_id=source.pk, filename="a.csv", content=line, actor=alice)
    monkeypatch.setattr(planning, "_MOST_UNEVEN", 3)
    expected = as_one_piece(pair, settings)
    run = pair.run()
    assert run.division == "In 3 shards by account: all passes."
    assert found_by(run) == expected
    assert "duplicate" in {cause for _, cause, *_ in expected["breaks"]}


@pytest.mark.parametrize(
    ("keys", "division"),
    [
        (
            ["counterparty"],
            "In one piece. The first pass, 'Only', has none of reference, external_id, account"
            " among its keys.",
        ),
        (["account"], "In one piece. By account, one shard had 100% of the records."),
    ],
)
def test_a_large_run_in_one_piece_says_why(
    keys: list[str], division: str, filled: Pair, connie: User, in_shards: None
) -> None:
    step = {"name": "Only", "kind": "exact", "keys": [*keys, "amount"]}
    change_rules(
        match_type_id=filled.match_type.pk,
        rules={**RULES, "version": "2", "passes": [step]},
        actor=connie,
    )
    run = filled.run()
    assert (run.status, run.division) == ("completed", division)
    assert not ShardPlan.objects.exists()


@pytest.mark.parametrize(
    ("least", "count", "is_split"), [(17, 2, True), (18, 2, False), (1, 1, False)]
)
def test_what_is_small_is_not_split(
    least: int, count: int, is_split: bool, filled: Pair, settings: Any
) -> None:
    settings.RECONCILE_SHARDS_FROM, settings.RECONCILE_SHARDS = least, count
    run = begin_run(run_id=filled.start().pk)
    assert (run.status == "running") is is_split
    assert bool(run.division) is is_split


def test_there_is_a_shard_for_each_core(
    filled: Pair, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.RECONCILE_SHARDS_FROM, settings.RECONCILE_SHARDS = 1, 0
    monkeypatch.setattr(planning.os, "cpu_count", lambda: 2)
    begin_run(run_id=filled.start().pk)
    assert Shard.objects.count() == 2


def test_none_has_more_records_than_memory_holds(
    filled: Pair, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.RECONCILE_SHARDS_FROM, settings.RECONCILE_SHARDS = 1, 0
    monkeypatch.setattr(planning.os, "cpu_count", lambda: 1)
    monkeypatch.setattr(planning, "_MOST_IN_A_SHARD", 6)  # there are 17
    monkeypatch.setattr(planning, "_MOST_UNEVEN", 3)
    begin_run(run_id=filled.start().pk)
    assert Shard.objects.count() == 3
