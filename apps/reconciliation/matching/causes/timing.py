"""timing (found): the counterpart is there, with the same reference and amount, at another time.

In another accounting period the cause is wrong_period: one of the books is not right as it stands.
Where no pass objects to the dates, the two were kept apart by something else: by the account
alone (wrong_account), or the cause is unknown, and the fields in which they differ are named.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from apps.reconciliation.matching.candidates import day_gaps, in_window
from apps.reconciliation.matching.causes.accounts import account_evidence, account_words
from apps.reconciliation.matching.causes.case import (
    MISMATCHED,
    Break,
    Case,
    Finding,
    Row,
    finding,
    pair_members,
)
from apps.reconciliation.matching.causes.wording import days_apart, pair_evidence
from apps.reconciliation.matching.items import ROW
from apps.reconciliation.matching.pass_rules import AGGREGATED, SUBSET
from apps.reconciliation.matching.rules import CauseRules, RuleSet
from apps.reconciliation.matching.schemas import CONTENT_ORDER, DATE_FIELDS, LEFT, RIGHT, Flags

_FACTS = ["reference", "currency", "amount"]
_WHOSE = ["account", "counterparty"]
_TURN = "turn"


def find_timing(case: Case) -> Finding:
    """One break for each pair of equal reference and amount, if both sides have as many of them."""
    pairs = _pairs(case.referenced())
    admitted = dates_admitted(pairs, case.rules)
    fields = sorted({key for step in case.rules.two_sided for key in step.text_keys})
    rows = zip(pairs.iter_rows(named=True), admitted.tolist(), strict=True)
    return finding(
        _kept_apart(pair, fields)
        if is_admitted
        else _at_another_time(pair, fields, case.rules.causes)
        for pair, is_admitted in rows
    )


def _pairs(items: pl.DataFrame) -> pl.DataFrame:
    """Pairs by date; those of one account and counterparty first, where both sides tell them so."""
    even = _even(items, _FACTS)
    alike = _even(even, [*_FACTS, *_WHOSE])
    rest = even.join(alike, on=["side", ROW], how="anti")
    found = [_in_turn(alike, [*_FACTS, *_WHOSE]), _in_turn(rest, _FACTS)]
    same = [pl.col(name).alias(f"{name}_right") for name in _WHOSE]
    return pl.concat([found[1], found[0].with_columns(same).select(found[1].columns)])


def _even(items: pl.DataFrame, fields: list[str]) -> pl.DataFrame:
    """The items of which both sides have as many that agree in the fields."""
    left, right = ((pl.col("side") == side).sum().over(fields) for side in (LEFT, RIGHT))
    return items.filter(left == right)


def _in_turn(items: pl.DataFrame, fields: list[str]) -> pl.DataFrame:
    """The first of the left side with the first of the right one that agrees in the fields."""
    ordered = items.sort("booked_on", *CONTENT_ORDER)
    ordered = ordered.with_columns(pl.int_range(pl.len()).over("side", *fields).alias(_TURN))
    left, right = (ordered.filter(pl.col("side") == side) for side in (LEFT, RIGHT))
    return left.join(right, on=[*fields, _TURN], suffix="_right")


def dates_admitted(pairs: pl.DataFrame, rules: RuleSet) -> Flags:
    """Whether some pass would take the dates of each pair.

    A pass that adds items up has a say only where its keys are those of the pair: it is not about
    these two items otherwise.
    """
    admitted = np.zeros(pairs.height, dtype=np.bool_)
    for step in rules.two_sided:
        left, right = (
            rules.calendar.number(pairs[f"{step.date_field}{suffix}"], step.unit)
            for suffix in ("", "_right")
        )
        fits = in_window(day_gaps((left, left), (right, right)), step.date_window)
        equal = set(step.text_keys) if step.kind in {AGGREGATED, SUBSET} else set()
        for field in equal | (set(DATE_FIELDS) & set(step.keys)):
            fits &= _are_equal(pairs, field)
        admitted |= fits
    return admitted


def _are_equal(pairs: pl.DataFrame, field: str) -> Flags:
    """Whether both items of each pair have the same in the field; blank is nothing."""
    if f"{field}_right" not in pairs.columns:  # what the pairs were found by
        return np.ones(pairs.height, dtype=np.bool_)
    equal = pairs[field] == pairs[f"{field}_right"]
    if field not in DATE_FIELDS:
        equal &= pairs[field].str.strip_chars() != ""
    return equal.to_numpy()


def _at_another_time(pair: Row, fields: list[str], rules: CauseRules) -> Break:
    differing = [words for name in fields if (words := _in_the_way(pair, name))]
    evidence: dict[str, Any] = pair_evidence(pair) | ({"differing": differing} if differing else {})
    also = "".join(f"; {words}" for words in differing)
    when = days_apart(pair["booked_on"], pair["booked_on_right"])
    left, right = (rules.period_of(pair[name]) for name in ("booked_on", "booked_on_right"))
    if left != right:
        reason = (
            f"reference {pair['reference']} and amount agree, but the left item is booked in "
            f"{left} and the right one in {right}, {when}{also}"
        )
        evidence |= {"left_period": left, "right_period": right}
        return Break("wrong_period", MISMATCHED, reason, evidence, pair_members(pair))
    reason = (
        f"the right item with the same reference {pair['reference']} and amount is booked {when}, "
        f"outside the window of every pass{also}"
    )
    return Break("timing", MISMATCHED, reason, evidence, pair_members(pair))


def _kept_apart(pair: Row, fields: list[str]) -> Break:
    differing = [words for name in fields if (words := _in_the_way(pair, name))]
    accounts = {pair["account"].strip(), pair["account_right"].strip()}
    if len(differing) == 1 and len(accounts - {""}) > 1:
        reason = f"{account_words(pair)}; reference {pair['reference']} and amount are equal"
        evidence = account_evidence(pair)
        return Break("wrong_account", MISMATCHED, reason, evidence, pair_members(pair))
    detail = "; ".join(differing) or "no pass takes them together"
    reason = f"reference {pair['reference']} and amount agree, but {detail}"
    evidence = {**pair_evidence(pair), "differing": differing}
    return Break("unknown", MISMATCHED, reason, evidence, pair_members(pair))


def _in_the_way(pair: Row, name: str) -> str:
    """What a pass that compares the field has against the pair; '' if nothing."""
    left, right = pair[name], pair.get(f"{name}_right", pair[name])
    if left != right:
        return f"{name} differs: {left or 'none'} / {right or 'none'}"
    return "" if left.strip() else f"{name} is blank on both sides"
