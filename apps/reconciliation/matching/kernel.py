"""The door of the kernel: two frames and a rule set in, an outcome with its proof out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from apps.reconciliation.matching.causes import explained
from apps.reconciliation.matching.causes.case import CANCELLED, Case
from apps.reconciliation.matching.items import prepared
from apps.reconciliation.matching.numbering import (
    Told,
    merged,
    numbered_breaks,
    numbered_groups,
    told,
)
from apps.reconciliation.matching.outcome import Matched, Outcome
from apps.reconciliation.matching.pass_rules import OFFSET
from apps.reconciliation.matching.proof import exchanged, proved
from apps.reconciliation.matching.rates import Rate, RateTable, rates_of
from apps.reconciliation.matching.rules import RuleSet
from apps.reconciliation.matching.runs import Run
from apps.reconciliation.matching.schemas import LEFT, RIGHT
from apps.reconciliation.matching.watching import Watch, unwatched


def reconcile(
    left: pl.DataFrame,
    right: pl.DataFrame,
    rules: RuleSet,
    *,
    as_of: date,
    rates: pl.DataFrame | None = None,
    watch: Watch = unwatched,
) -> Outcome:
    """Match two sides by the passes of a rule set and explain what stays open.

    The outcome depends on the items and the rules alone: not on the order of rows, and on ids only
    where items are exact copies of each other. Amounts in it are in the left side's sense (the
    right ones are turned round where ``rules.right_sign`` is -1).

    Args:
        left, right: frames of ITEM_SCHEMA; further columns are left alone.
        as_of: the date on which ages are counted.
        rates: exchange rates besides those of the rule set, a frame of RATE_SCHEMA.
        watch: is told what is begun.

    Raises:
        ItemsInvalid: a frame breaks its contract.
    """
    return matched(left, right, rules, as_of=as_of, rates=rates, watch=watch).explained()


def matched(
    left: pl.DataFrame,
    right: pl.DataFrame,
    rules: RuleSet,
    *,
    as_of: date,
    rates: pl.DataFrame | None = None,
    watch: Watch = unwatched,
) -> Matched:
    """The groups of ``reconcile``, before it explains what stays open.

    Raises:
        ItemsInvalid: a frame breaks its contract.
    """
    known = known_rates(rules, rates)
    sides = prepared(left, LEFT, rules), prepared(right, RIGHT, rules)
    run = Run(*sides, rules, RateTable(known), watch)
    run.match(range(len(rules.passes)))
    return concluded(run, as_of, known)


def known_rates(rules: RuleSet, rates: pl.DataFrame | None) -> list[Rate]:
    """The rates of the rule set and those given besides."""
    return [*rules.rates, *(() if rates is None else rates_of(rates))]


def concluded(
    run: Run,
    as_of: date,
    known: Sequence[Rate],
    *,
    elsewhere: Told | None = None,
    totals: dict[str, pl.DataFrame] | None = None,
    currencies: dict[str, pl.DataFrame] | None = None,
) -> Matched:
    """The groups of a run whose passes are through, numbered; it is explained and proved later.

    Args:
        elsewhere: groups besides those of the run, whose items it need not have. Then the proof
            needs ``totals`` (``currency`` and ``amount`` of all items, added up or not) and
            ``currencies`` (``id`` and ``currency``, of items of passes that convert at least).
    """
    rules = run.rules
    run.tell(0)
    found = told(run.found, run.items, rules)
    groups, items = numbered_groups(merged([elsewhere, found]) if elsewhere else found, rules)
    left_open = run.open_items()

    def explain() -> Outcome:
        cancelled = _cancelled(groups, items, rules)
        case = Case(run.items, left_open, run.ties(), rules, as_of, known, cancelled)
        findings = explained(case)
        breaks, break_items = numbered_breaks(findings, run.items, rules)
        exchange = exchanged(currencies or run.items, groups, items, rules)
        proof = proved(totals or run.items, groups, breaks, exchange)
        learned = {name: weights.to_mapping() for name, weights in run.learned.items()}
        return Outcome(groups, items, breaks, break_items, proof, learned)

    return Matched(groups, items, left_open.height, explain)


def _cancelled(groups: pl.DataFrame, items: pl.DataFrame, rules: RuleSet) -> pl.DataFrame:
    """What offset passes put together: items of one side, with nothing on the other."""
    names = [step.name for step in rules.passes if step.kind == OFFSET]
    if not names:
        return CANCELLED.to_frame()
    alone = groups.filter(pl.col("pass_name").is_in(names)).select("group_no")
    return items.join(alone, on="group_no", how="semi").select(CANCELLED.names())
