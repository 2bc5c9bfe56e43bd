"""Which passes of a rule set can be run over shards of the items, and by what items are split.

A pass puts nothing together whose keys differ. Where the first passes all have one key in common,
items with the same value in it can be matched by these passes without a look at any others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from apps.reconciliation.matching.pass_rules import Pass, key_fields
from apps.reconciliation.matching.rules import RuleSet
from apps.reconciliation.matching.schemas import LEFT


@dataclass(frozen=True)
class Split:
    """The first passes of a rule set, and the key that all of them compare.

    Attributes:
        key: as in the passes: a field, or ``reference=external_id``.
        passes: how many passes there are, from the first.
    """

    key: str
    passes: int

    def field(self, side: str) -> str:
        """The field of the side's items that the key compares."""
        left, right = key_fields(self.key)
        return left if side == LEFT else right


def splits_of(rules: RuleSet, fields: Sequence[str]) -> tuple[Split, ...]:
    """The ways to split, most passes first, then by the finest field.

    Args:
        fields: those that items can be split by, finest first.
    """
    keys = [key for key in rules.passes[0].keys if set(key_fields(key)) <= set(fields)]
    found = [split for key in keys if (split := Split(key, _shared(rules, key))).passes]
    place = {name: at for at, name in enumerate(fields)}
    found.sort(key=lambda split: (-split.passes, [place[name] for name in key_fields(split.key)]))
    return tuple(found)


def obstacle(rules: RuleSet, fields: Sequence[str]) -> str:
    """Why ``splits_of`` finds none, as a sentence."""
    first = rules.passes[0]
    if not _is_local(first):
        return f"The first pass, {first.name!r}, learns its weights from all items at once."
    return f"The first pass, {first.name!r}, has none of {', '.join(fields)} among its keys."


def _shared(rules: RuleSet, key: str) -> int:
    """How many of the first passes can be run over items split by the key."""
    return len(list(takewhile(lambda step: key in step.keys and _is_local(step), rules.passes)))


def _is_local(step: Pass) -> bool:
    """Whether items with other keys have no say: weights that are not known come of all items."""
    return step.likeness is None or bool(step.likeness.weights or step.likeness.learned)
