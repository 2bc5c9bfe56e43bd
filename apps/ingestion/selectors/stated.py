"""Statements as they are kept with their batches, and how two of one account lie to each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import chain
from typing import Any, TypeAlias

from apps.ingestion.states import ACCOUNT_LABEL
from apps.privacy.selectors import key_ring

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


def closing_balances(
    statements: Sequence[Facts], accounts: Sequence[str] = ()
) -> dict[str, Decimal]:
    """What the accounts close with by currency, each by its latest statement.

    Of statements that close on one day it is the one that no other goes on from, or else the one
    that came in last.

    Args:
        statements: with both balances, in the order in which they came in.
        accounts: only these; empty for all that there are statements of.

    Returns:
        Nothing at all if one of the accounts has no statement: a part is no balance.
    """
    groups = _by_account(statements)
    if accounts:
        of_each = [_of_account(groups, account) for account in dict.fromkeys(accounts)]
        if not all(of_each):
            return {}
        groups = list(chain.from_iterable(of_each))
    totals: dict[str, Decimal] = {}
    for group in groups:
        latest = _latest(group)
        currency = latest["currency"]
        totals[currency] = totals.get(currency, Decimal(0)) + latest["closing"]
    return totals


def _by_account(statements: Sequence[Facts]) -> list[list[Facts]]:
    groups: list[list[Facts]] = []
    for one in statements:
        own = next((group for group in groups if are_of_one_account(group[0], one)), None)
        if own is None:
            groups.append([one])
        else:
            own.append(one)
    return groups


def _of_account(groups: Sequence[list[Facts]], account: str) -> list[list[Facts]]:
    keys = set(key_ring().blind_indexes(account, ACCOUNT_LABEL))
    return [group for group in groups if not keys.isdisjoint(group[0]["account_keys"])]


def _latest(statements: Sequence[Facts]) -> Facts:
    last_on = max(one["closed_on"] for one in statements)
    of_the_day = [one for one in statements if one["closed_on"] == last_on]
    ends = [
        one
        for one in of_the_day
        if not any(
            _opens_with(other, one["closing"]) and not open_or_close_alike(other, one)
            for other in of_the_day
        )
    ]
    return (ends or of_the_day)[-1]


def _opens_with(one: Facts, balance: Any) -> bool:
    return balance is not None and one["opening"] == balance
