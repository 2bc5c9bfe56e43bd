"""Describing a control."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from apps.audit.models import Event
from apps.common.errors import NotPermitted, NotVisible, Refusal
from apps.compliance.errors import ControlExists, ControlInvalid
from apps.compliance.models import Control
from apps.compliance.selectors import controls_of


def test_a_control_is_kept_as_it_was_described(define: Callable[..., Control], connie: Any) -> None:
    control = define(identifier=" C-1 ", is_key=False, frequency="quarterly")
    kept = Control.objects.get()
    assert kept == control
    assert str(kept) == "C-1 Bank reconciliation"
    assert (kept.assertions, kept.task_keys) == (
        ["existence", "completeness"],
        ["review", "approve"],
    )
    assert (kept.is_key, kept.frequency, kept.version) == (False, "quarterly", 1)
    assert kept.history.get().history_user == connie
    event = Event.objects.get(action="compliance.control.define")
    assert (event.actor, event.subject_id, event.entity_id) == (
        connie,
        str(kept.pk),
        kept.entity_id,
    )


def test_controls_are_listed_by_identifier_and_entity(
    define: Callable[..., Control], entity: Any, other_entity: Any, system: Any
) -> None:
    for identifier in ("C-2", "C-1"):
        define(identifier=identifier)
    define(entity_id=other_entity.pk, actor=system)
    assert [control.identifier for control in controls_of(entity.pk)] == ["C-1", "C-2"]


REFUSALS = [
    ("a taken identifier", {}, ControlExists, "identifier"),
    ("the same with space around it", {"identifier": " C-1\n"}, ControlExists, "identifier"),
    ("no identifier", {"identifier": "  "}, ControlInvalid, "identifier"),
    ("a long identifier", {"identifier": "x" * 31}, ControlInvalid, "identifier"),
    ("no name", {"name": ""}, ControlInvalid, "name"),
    ("a long name", {"name": "x" * 201}, ControlInvalid, "name"),
    ("a NUL character", {"name": "a\x00b"}, ControlInvalid, "name"),
    ("no objective", {"objective": ""}, ControlInvalid, "objective"),
    ("an endless objective", {"objective": "x" * 4_001}, ControlInvalid, "objective"),
    ("no risk", {"risk": " "}, ControlInvalid, "risk"),
    ("no principle", {"coso_principle": ""}, ControlInvalid, "coso_principle"),
    ("no frequency", {"frequency": ""}, ControlInvalid, "frequency"),
    ("no assertion", {"assertions": []}, ControlInvalid, "assertions"),
    ("an invented assertion", {"assertions": ["luck"]}, ControlInvalid, "assertions"),
    ("one twice", {"assertions": ["rights", "rights"]}, ControlInvalid, "assertions"),
    ("an invented nature", {"nature": "lucky"}, ControlInvalid, "nature"),
    ("an invented automation", {"automation": ""}, ControlInvalid, "automation"),
    ("an invented role", {"owner_role": "king"}, ControlInvalid, "owner_role"),
    ("an empty task", {"task_keys": ["a", " "]}, ControlInvalid, "task_keys"),
    ("a task twice", {"task_keys": ["a", "a"]}, ControlInvalid, "task_keys"),
    ("a long task", {"task_keys": ["x" * 81]}, ControlInvalid, "task_keys"),
    ("a task with NUL", {"task_keys": ["\x00"]}, ControlInvalid, "task_keys"),
    ("many tasks", {"task_keys": [f"t{n}" for n in range(101)]}, ControlInvalid, "task_keys"),
]


@pytest.mark.parametrize(
    ("what", "changes", "refusal", "field"), REFUSALS, ids=[each[0] for each in REFUSALS]
)
def test_refused_descriptions_name_the_field_and_change_nothing(
    define: Callable[..., Control],
    what: str,
    changes: dict[str, Any],
    refusal: type[Refusal],
    field: str,
    table_counts: Any,
) -> None:
    define()
    if "identifier" not in changes and what != "a taken identifier":
        changes = {"identifier": "C-9", **changes}
    before = table_counts()
    with pytest.raises(refusal) as refused:
        define(**changes)
    assert refused.value.field == field
    assert table_counts() == before


@pytest.mark.parametrize(
    ("who", "refusal"),
    [
        ("alice", NotPermitted),
        ("rita", NotPermitted),
        ("bob", NotPermitted),
        ("otto", NotPermitted),
        ("ivy", NotPermitted),
        ("ada", NotPermitted),
        ("victor", NotVisible),
        ("charlie", NotVisible),
    ],
)
def test_who_may_not_describe_controls(
    define: Callable[..., Control],
    who: str,
    refusal: type[Refusal],
    request: Any,
    table_counts: Any,
) -> None:
    actor = request.getfixturevalue(who)
    before = table_counts()
    with pytest.raises(refusal):
        define(actor=actor)
    assert table_counts() == before
