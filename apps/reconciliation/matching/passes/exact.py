"""Exact passes: all keys and the amount are equal."""

from __future__ import annotations

from apps.reconciliation.matching.classes import LEVEL, PassSide
from apps.reconciliation.matching.found import Found
from apps.reconciliation.matching.pairing import pair_off
from apps.reconciliation.matching.pairs import pairs_found
from apps.reconciliation.matching.pass_rules import EXACT, Pass
from apps.reconciliation.matching.passes.kinds import pass_kind


@pass_kind(EXACT)
def match(left: PassSide, right: PassSide, step: Pass) -> Found:
    """Pair items of equal keys, currency and amount, nearest dates first."""
    decision = pair_off(left, right, step, by=[*step.block_fields, LEVEL])
    return pairs_found(step, left, right, decision)
