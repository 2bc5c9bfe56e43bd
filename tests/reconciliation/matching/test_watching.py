"""The kernel tells what it begins; that it is watched changes nothing."""

from __future__ import annotations

from apps.reconciliation.matching import Step, reconcile
from apps.reconciliation.matching.shards import finished, joined, match_shard
from apps.reconciliation.matching.splitting import Split
from tests.reconciliation.matching.making import AS_OF, EMPTY, exact, item, items, near, rules

RULES = rules(exact("reference"), near("0.05", "reference"))
LEFT = items(
    item(1, reference="A"), item(2, "50.00", reference="B"), item(3, "9.00", reference="C")
)
RIGHT = items(item(11, reference="A"), item(12, "50.03", reference="B"))


def test_each_pass_is_told_with_what_is_open_then() -> None:
    told: list[Step] = []
    watched = reconcile(LEFT, RIGHT, RULES, as_of=AS_OF, watch=told.append)
    assert told == [Step(1, 5), Step(2, 3), Step(0, 1)]
    assert vars(watched).keys() == vars(plain := reconcile(LEFT, RIGHT, RULES, as_of=AS_OF)).keys()
    assert watched.groups.equals(plain.groups)
    assert watched.breaks.equals(plain.breaks)


def test_empty_sides_are_told_too() -> None:
    told: list[Step] = []
    reconcile(EMPTY, EMPTY, RULES, as_of=AS_OF, watch=told.append)
    assert told == [Step(1, 0), Step(2, 0), Step(0, 0)]


def test_after_shards_the_passes_go_on_where_those_ended() -> None:
    told: list[Step] = []
    split = Split("reference", 1)
    shard = joined([match_shard(LEFT, RIGHT, RULES, split)])
    finished(shard, (EMPTY, EMPTY), RULES, split, as_of=AS_OF, watch=told.append)
    assert told == [Step(2, 3), Step(0, 1)]
