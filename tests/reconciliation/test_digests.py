"""Equal outcomes have one digest, and whatever differs changes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.reconciliation.matching import Outcome
from apps.reconciliation.matching.schemas import (
    BREAK_ITEM_SCHEMA,
    BREAK_SCHEMA,
    GROUP_ITEM_SCHEMA,
    GROUP_SCHEMA,
    PROOF_SCHEMA,
)
from apps.reconciliation.services import digests
from apps.reconciliation.services.digests import outcome_digest

GROUP = {
    "group_no": 1,
    "pass_name": "Exact",
    "rule_digest": "ab",
    "status": "automatic",
    "currency": "EUR",
    "left_total": 100,
    "right_total": 90,
    "difference": 10,
    "difference_parts": "",
    "reasons": "[]",
}
BREAK = {
    "break_no": 1,
    "cause": "fee",
    "state": "missing",
    "currency": "EUR",
    "left_total": 5,
    "right_total": 0,
    "amount": 5,
    "is_material": False,
    "reason": "Zürich",
    "evidence": "{}",
}
ITEMS = [
    {"group_no": 1, "side": "left", "item_id": 7, "allocated": 100},
    {"group_no": 1, "side": "right", "item_id": 8, "allocated": 90},
]


def outcome(**changes: dict[str, object]) -> Outcome:
    """An outcome of one group and one break, some of what they say changed."""
    return Outcome(
        groups=pl.DataFrame([{**GROUP, **changes.get("group", {})}], schema=GROUP_SCHEMA),
        items=pl.DataFrame(ITEMS, schema=GROUP_ITEM_SCHEMA),
        breaks=pl.DataFrame([{**BREAK, **changes.get("broken", {})}], schema=BREAK_SCHEMA),
        break_items=pl.DataFrame(
            [{"break_no": 1, "side": "left", "item_id": 9}], schema=BREAK_ITEM_SCHEMA
        ),
        proof=pl.DataFrame(schema=PROOF_SCHEMA),
    )


def swapped(found: Outcome) -> Outcome:
    sides = {"left": "right", "right": "left"}
    return replace(found, items=found.items.with_columns(pl.col("side").replace(sides)))


def without_breaks(found: Outcome) -> Outcome:
    return replace(found, breaks=found.breaks.clear(), break_items=found.break_items.clear())


def moved(found: Outcome) -> Outcome:
    """The break's item is one of the group's."""
    more = {"group_no": [1], "side": ["left"], "item_id": [9], "allocated": [5]}
    return replace(
        found,
        items=found.items.extend(pl.DataFrame(more, schema=GROUP_ITEM_SCHEMA)),
        break_items=found.break_items.clear(),
    )


CHANGED: dict[str, Callable[[], Outcome]] = {
    "an amount": lambda: outcome(group={"left_total": 101}),
    "amounts of two columns changed over": lambda: outcome(
        group={"left_total": 90, "right_total": 100}
    ),
    "a text": lambda: outcome(broken={"reason": "Zurich"}),
    "a letter in the next column": lambda: outcome(
        group={"pass_name": "Exac", "rule_digest": "tab"}
    ),
    "nothing instead of an empty text": lambda: outcome(group={"difference_parts": None}),
    "a mark": lambda: outcome(broken={"is_material": True}),
    "sides": lambda: swapped(outcome()),
    "no breaks": lambda: without_breaks(outcome()),
    "an item moved": lambda: moved(outcome()),
}


def test_equal_outcomes_have_one_digest() -> None:
    digest = outcome_digest(outcome())
    assert digest == outcome_digest(outcome())
    assert (len(digest), int(digest, 16) > 0) == (64, True)


@pytest.mark.parametrize("what", CHANGED)
def test_whatever_differs_changes_it(what: str) -> None:
    digests = {outcome_digest(make()) for make in (outcome, CHANGED[what])}
    assert len(digests) == 2


def test_no_two_changes_have_one_digest() -> None:
    assert len({outcome_digest(make()) for make in CHANGED.values()}) == len(CHANGED)


def test_an_empty_outcome_has_one_too() -> None:
    nothing = without_breaks(outcome())
    nothing = replace(nothing, groups=nothing.groups.clear(), items=nothing.items.clear())
    assert len(outcome_digest(nothing)) == 64


def test_it_does_not_change_with_the_program() -> None:
    """Certificates name it: of the same outcome it stays what it is."""
    assert outcome_digest(outcome()) == (
        "f5eee036babf19beda6e8c99557e3a78fc94b6349a1c7ab58f1dff3f6f3319b8"
    )


VALUES = st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=20) | st.lists(
    st.none() | st.sampled_from(["", "a", "Zürich"]), min_size=1, max_size=20
)


@given(VALUES)
def test_a_column_is_its_nulls_its_lengths_and_its_values(values: list[int | str | None]) -> None:
    """Whichever way they are put together: digests of earlier runs depend on these bytes."""
    told = [value for value in values if value is not None]
    is_text = not told or isinstance(told[0], str)
    column = pl.Series(values, dtype=pl.String() if is_text else pl.Int64())
    bits = [value is None for value in values]
    nulls = bytes(
        sum(bit << (7 - place) for place, bit in enumerate(bits[first : first + 8]))
        for first in range(0, len(bits), 8)
    )
    if is_text:
        texts = [str(value or "").encode() for value in values]
        rest = b"".join(len(text).to_bytes(8, "little") for text in texts) + b"".join(texts)
    else:
        rest = b"".join((value or 0).to_bytes(8, "little", signed=True) for value in values)
    assert b"".join(map(bytes, digests._parts(column))) == nulls + rest
