"""Tolerance passes: all keys are equal, the amounts are close enough."""

from __future__ import annotations

from apps.reconciliation.matching.classes import PassSide
from apps.reconciliation.matching.found import Found
from apps.reconciliation.matching.pairing import pair_off
from apps.reconciliation.matching.pairs import pairs_found
from apps.reconciliation.matching.pass_rules import TOLERANCE, Pass
from apps.reconciliation.matching.passes.kinds import pass_kind


@pass_kind(TOLERANCE)
def match(left: PassSide, right: PassSide, step: Pass) -> Found:
    """Pair items of equal keys and currency, least total difference first, then nearest dates."""
    return pairs_found(step, left, right, pair_off(left, right, step, by=step.block_fields))
