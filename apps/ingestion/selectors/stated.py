"""Statements as they are kept with their batches, and how two of one account lie to each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

Facts: TypeAlias = Mapping[str, Any]  # what `statement_facts` gives


def are_of_one_account(one: Facts, other: Facts) -> bool:
    """Whether both are of the same account, in the same currency."""
    return one["currency"] == other["currency"] and not set(one["account_keys"]).isdisjoint(
        other["account_keys"]
    )


def adjoin(one: Facts, other: Facts) -> bool:
    """Whether one opens with the balance that the other closed with."""
    return _opens_with(one, other["closing"]) or _opens_with(other, one["closing"])


def open_or_close_alike(one: Facts, other: Facts) -> bool:
    """Whether both lead from the same balance, or to the same balance."""
    closes_alike = one["closing"] is not None and one["closing"] == other["closing"]
    return _opens_with(one, other["opening"]) or closes_alike


def is_issued_again(later: Facts, earlier: Facts) -> bool:
    """Whether the later statement of an account is beyond doubt the earlier one with another word.

    It ties, and opens or closes as the earlier one does. A statement that follows another one does
    neither, unless its lines add up to nothing; then there is no telling.
    """
    is_alike = open_or_close_alike(later, earlier)
    return later["ties"] is True and is_alike and not adjoin(later, earlier)


def _opens_with(one: Facts, balance: str | None) -> bool:
    return balance is not None and one["opening"] == balance
