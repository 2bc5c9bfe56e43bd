"""Exact passes: all keys and the amount are equal."""

from __future__ import annotations

from apps.reconciliation.matching.classes import LEVEL, PassSide
from apps.reconciliation.matching.found import Found
from apps.reconciliation.matching.pairing import pair_off
from apps.reconciliation.matching.passes.kinds import pass_kind
from apps.reconciliation.matching.rules import EXACT, Pass


@pass_kind(EXACT)
def match(left: PassSide, right: PassSide, step: Pass) -> Found:
    """Pair items of equal keys, currency and amount, nearest dates first."""
    return pair_off(left, right, step, by=[*step.block_fields, LEVEL])
