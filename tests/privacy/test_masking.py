"""Who sees a sensitive value in clear, and what the others see."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import checks

from apps.privacy.classification import Classification
from apps.privacy.masking import shown_to

IBAN = "NL91ABNA0417164300"


@pytest.mark.parametrize(
    ("who", "classification", "shown"),
    [
        ("connie", "restricted", IBAN),
        ("bob", "restricted", IBAN),
        ("alice", "restricted", "••••••"),
        ("otto", "restricted", "••••••"),
        ("charlie", "restricted", "••••••"),
        ("alice", "confidential", IBAN),
        ("otto", "confidential", "••••4300"),
        ("victor", "internal", IBAN),
        ("victor", "public", IBAN),
    ],
)
def test_values_are_masked_by_role_on_the_entity(
    request: pytest.FixtureRequest, entity: Any, who: str, classification: str, shown: str
) -> None:
    actor = request.getfixturevalue(who)
    assert shown_to(actor, IBAN, Classification(classification), entity_id=entity.pk) == shown


@pytest.mark.parametrize(("value", "shown"), [("", ""), ("1", "••••"), ("1234", "••••34")])
def test_a_short_value_never_shows_more_than_half(victor: Any, value: str, shown: str) -> None:
    assert shown_to(victor, value, Classification.CONFIDENTIAL) == shown


@pytest.mark.parametrize(
    ("ring", "problems"), [("1:nonsense", 1), ("", 0), ("1:" + "A" * 43 + "=", 0)]
)
def test_a_broken_key_ring_stops_the_start(settings: Any, ring: str, problems: int) -> None:
    settings.FINFLOW_KEY_RING = ring
    found = [error for error in checks.run_checks(tags=["settings"]) if error.id == "finflow.E003"]
    assert len(found) == problems
    assert not any("nonsense" in str(error) for error in found)
