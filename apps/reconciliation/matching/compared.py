"""The amount that a pass compares of an item."""

from __future__ import annotations

import numpy as np

from apps.reconciliation.matching.pass_rules import OPPOSITE, UNSIGNED
from apps.reconciliation.matching.schemas import RIGHT, Ints


def compared(amounts: Ints, sign: str, side: str) -> Ints:
    """Amounts as the pass compares them: turned round on the right, or without their sign."""
    if sign == UNSIGNED:
        return np.abs(amounts)
    return -amounts if sign == OPPOSITE and side == RIGHT else amounts
