"""Match types and their versioned rules."""

from __future__ import annotations

from typing import Any

import pytest

from apps.audit.models import Event
from apps.common.errors import NotPermitted, NotVisible, Refusal
from apps.ingestion.services import define_source
from apps.reconciliation.errors import MatchTypeExists, MatchTypeInvalid
from apps.reconciliation.models import MatchType, RuleSetVersion
from apps.reconciliation.services import change_rules, define_match_type
from tests.reconciliation.conftest import MAPPING, RULES, Pair

WIDER = {**RULES, "awaited_days": 7}


@pytest.fixture
def wanted(entity: Any, sources: Any, connie: Any) -> dict[str, Any]:
    left, right = sources
    return {
        "entity_id": entity.pk,
        "code": "bank_gl",
        "name": " Bank to ledger ",
        "left_source_id": left.pk,
        "right_source_id": right.pk,
        "right_accounts": ["1000", "1010", "1000"],
        "rules": RULES,
        "actor": connie,
    }


def test_a_match_type_comes_with_the_first_version_of_its_rules(
    wanted: dict[str, Any], connie: Any
) -> None:
    made = define_match_type(**wanted)
    assert (made.name, made.left_accounts, made.right_accounts) == (
        "Bank to ledger",
        [],
        ["1000", "1010"],
    )
    version = RuleSetVersion.objects.get(match_type=made)
    assert (version.number, version.rules, version.created_by) == (1, RULES, connie)
    assert len(version.digest) == 64
    actions = Event.objects.filter(action__startswith="reconciliation").values_list(
        "action", flat=True
    )
    assert list(actions) == [
        "reconciliation.match_type.define",
        "reconciliation.rule_set.add",
        "reconciliation.rule_set.adopt",
    ]
    assert made.history.count() == 1


def test_two_sides_of_one_source_need_accounts_that_do_not_meet(wanted: dict[str, Any]) -> None:
    same = {"left_source_id": wanted["right_source_id"], "left_accounts": ["2000"]}
    assert define_match_type(**{**wanted, **same}).left_accounts == ["2000"]


REFUSED: list[tuple[dict[str, Any], type[Refusal], str]] = [
    ({"code": ""}, MatchTypeInvalid, "code"),
    ({"code": "bank to gl"}, MatchTypeInvalid, "code"),
    ({"code": "taken"}, MatchTypeExists, "code"),
    ({"name": " "}, MatchTypeInvalid, "name"),
    ({"name": "x" * 201}, MatchTypeInvalid, "name"),
    ({"description": "nul\0"}, MatchTypeInvalid, "name"),
    ({"left_source_id": 0}, MatchTypeInvalid, "left_source"),
    ({"right_source_id": "foreign"}, MatchTypeInvalid, "right_source"),
    ({"left_accounts": "1000"}, MatchTypeInvalid, "left_accounts"),
    ({"right_accounts": [1000]}, MatchTypeInvalid, "right_accounts"),
    ({"right_accounts": [" "]}, MatchTypeInvalid, "right_accounts"),
    ({"left_source_id": "right"}, MatchTypeInvalid, "right_accounts"),
    (
        {"left_source_id": "right", "left_accounts": ["1010", "2000"]},
        MatchTypeInvalid,
        "right_accounts",
    ),
    ({"rules": []}, MatchTypeInvalid, "rules"),
    ({"rules": {}}, MatchTypeInvalid, "rules"),
    ({"rules": {**RULES, "passes": []}}, MatchTypeInvalid, "rules"),
    ({"rules": {**RULES, "note": "nul\0"}}, MatchTypeInvalid, "rules"),
]


@pytest.mark.parametrize(("changes", "refusal", "field"), REFUSED)
def test_definitions_that_do_not_work_are_refused(
    changes: dict[str, Any],
    refusal: type[Refusal],
    field: str,
    wanted: dict[str, Any],
    other_entity: Any,
    charlie: Any,
    table_counts: Any,
) -> None:
    foreign = define_source(
        entity_id=other_entity.pk, code="far", name="Far", mapping=MAPPING, actor=charlie
    )
    define_match_type(**{**wanted, "code": "taken"})
    ids = {"foreign": foreign.pk, "right": wanted["right_source_id"]}
    before = table_counts()
    with pytest.raises(refusal) as caught:
        define_match_type(
            **{
                **wanted,
                **{key: ids.get(v, v) if isinstance(v, str) else v for key, v in changes.items()},
            }
        )
    assert caught.value.field == field
    assert table_counts() == before


def test_a_fault_in_the_rules_is_named_with_its_path(wanted: dict[str, Any]) -> None:
    faulty = {**RULES, "passes": [{**RULES["passes"][0], "kind": "guess"}]}
    with pytest.raises(MatchTypeInvalid, match=r"passes\[0\]\.kind"):
        define_match_type(**{**wanted, "rules": faulty})


@pytest.mark.parametrize(
    ("who", "refusal"),
    [
        ("alice", NotPermitted),
        ("rita", NotPermitted),
        ("bob", NotPermitted),
        ("otto", NotPermitted),
        ("ada", NotPermitted),
        ("ivy", NotPermitted),
        ("charlie", NotVisible),
        ("victor", NotVisible),
    ],
)
def test_only_controllers_define_match_types_and_change_rules(
    who: str, refusal: type[Refusal], request: Any, wanted: dict[str, Any], table_counts: Any
) -> None:
    made = define_match_type(**wanted)
    actor = request.getfixturevalue(who)
    before = table_counts()
    with pytest.raises(refusal):
        define_match_type(**{**wanted, "code": "another", "actor": actor})
    with pytest.raises(refusal):
        change_rules(match_type_id=made.pk, rules=WIDER, actor=actor)
    assert table_counts() == before
    assert MatchType.objects.count() == 1


def test_new_rules_are_a_new_version_and_the_old_one_stays(pair: Pair, connie: Any) -> None:
    version = change_rules(match_type_id=pair.match_type.pk, rules=WIDER, actor=connie)
    assert version.number == 2
    assert list(pair.match_type.rule_sets.values_list("number", "rules")) == [
        (2, WIDER),
        (1, RULES),
    ]
    event = Event.objects.filter(action="reconciliation.rule_set.add").latest("id")
    assert event.details == {"number": 2, "digest": version.digest}


def test_equal_rules_change_nothing(pair: Pair, connie: Any, table_counts: Any) -> None:
    before = table_counts()
    rewritten = dict(reversed(RULES.items()))
    version = change_rules(match_type_id=pair.match_type.pk, rules=rewritten, actor=connie)
    assert version.number == 1
    assert table_counts() == before


def test_rules_with_a_fault_change_nothing(pair: Pair, connie: Any, table_counts: Any) -> None:
    before = table_counts()
    with pytest.raises(MatchTypeInvalid, match="awaited_days"):
        change_rules(
            match_type_id=pair.match_type.pk, rules={**RULES, "awaited_days": -1}, actor=connie
        )
    assert table_counts() == before
