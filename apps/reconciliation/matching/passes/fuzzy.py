"""Fuzzy passes: texts that are alike, weighed by how much that says.

Candidates have equal keys, an amount in the tolerance and a date in the window. Each field is
compared in levels (``likeness``), each level has a weight in bits (``weights``), and the most
likely assignment overall is made (``likelihood``): automatic from one probability on, suggested
from another.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from apps.reconciliation.matching.candidates import Candidates, Edges
from apps.reconciliation.matching.classes import Classes, PassSide, kinds_of
from apps.reconciliation.matching.decisions import Verdicts, decide
from apps.reconciliation.matching.found import Decision, Found
from apps.reconciliation.matching.fuzzy import Likeness
from apps.reconciliation.matching.likelihood import most_likely
from apps.reconciliation.matching.likeness import DIFFERENT, EQUAL, LEVELS, MISSING, Texts
from apps.reconciliation.matching.pairing import shared_blocks
from apps.reconciliation.matching.pairs import pairs_found
from apps.reconciliation.matching.pass_rules import (
    ATTRIBUTE_PREFIX,
    AUTOMATIC,
    FUZZY,
    SUGGESTED,
    Pass,
)
from apps.reconciliation.matching.passes.kinds import pass_kind
from apps.reconciliation.matching.reasons import json_text
from apps.reconciliation.matching.schemas import Floats, Ints
from apps.reconciliation.matching.weights import (
    BIT,
    Candidacy,
    Weights,
    estimated,
    levels_by_chance,
)


@pass_kind(FUZZY)
def match(left: PassSide, right: PassSide, step: Pass) -> Found:
    """Pair what is most likely the same; weights not given nor learned are estimated first."""
    assert step.likeness is not None
    blocks = shared_blocks(left.keyed, right.keyed, step.block_fields)
    lefts, rights = kinds_of(blocks[0], left), kinds_of(blocks[1], right)
    texts = {
        name: Texts(name, left.items[name][_firsts(lefts)], right.items[name][_firsts(rights)])
        for name in step.likeness.fields
    }
    known = step.likeness.weights or step.likeness.learned
    learned = None if known else _estimated(lefts, rights, texts, step)
    weights = known or learned or Weights.neutral(step.likeness.fields)
    scoring = _Scoring(texts, weights, step.likeness)
    decision = decide(lefts, rights, step, scoring.judged)
    comparison = _Comparison.of(decision, (lefts, rights), texts, weights)
    words = _words(comparison, (left, right), decision)
    found = pairs_found(step, left, right, decision, *words)
    is_automatic = pl.Series(comparison.total >= step.likeness.sure, dtype=pl.Boolean)
    status = pl.when(is_automatic & (step.status == AUTOMATIC)).then(pl.lit(AUTOMATIC))
    groups = found.groups.with_columns(status.otherwise(pl.lit(SUGGESTED)).alias("status"))
    return Found(groups, found.members, found.doubts, learned)


def _firsts(classes: Classes) -> Ints:
    """The first row of each class; all its items say the same."""
    return classes.rows[classes.starts]


def _estimated(
    left: Classes, right: Classes, texts: dict[str, Texts], step: Pass
) -> Weights | None:
    """Weights from how often each combination of levels occurs among all candidates.

    None without any candidate: there is nothing to learn from.
    """
    size = len(LEVELS) + 1
    tally = np.zeros(size ** len(texts), dtype=np.int64)
    if len(left):
        for edges in Candidates(left, right, step).batches():
            combined = np.zeros(len(edges), dtype=np.int64)
            for each in texts.values():
                combined = combined * size + each.compared(edges.left, edges.right)[0]
            tally += np.bincount(combined, minlength=len(tally))
    seen = np.flatnonzero(tally)
    if not len(seen):
        return None
    columns = [seen // size**power % size for power in reversed(range(len(texts)))]
    by_chance = [levels_by_chance(each) for each in texts.values()]
    most = min(int(left.counts.sum()), int(right.counts.sum()))
    return estimated(list(texts), Candidacy(np.column_stack(columns), tally[seen], most), by_chance)


@dataclass(frozen=True)
class _Scoring:
    """What candidates are worth, and which of them are looked at."""

    texts: dict[str, Texts]
    weights: Weights
    likeness: Likeness

    def judged(self, edges: Edges, left: Classes, right: Classes) -> tuple[Edges, Verdicts]:
        """The candidates that are likely enough, and what becomes of them."""
        worth = np.full(len(edges), self.weights.prior, dtype=np.int64)
        is_fit = np.ones(len(edges), dtype=np.bool_)
        for name, each in self.texts.items():
            levels = each.compared(edges.left, edges.right)[0]
            worth += self.weights.of(name, levels)
            if name in self.likeness.needed:
                is_fit &= levels < DIFFERENT
        chosen = is_fit & (worth >= self.likeness.least)
        edges = edges.only(chosen)
        return edges, most_likely(edges, worth[chosen], left, right)


@dataclass(frozen=True)
class _Comparison:
    """The pairs made, field by field.

    Attributes:
        levels, percent: by field.
        worth: by field, in thousandths of a bit.
        total: the match weight.
    """

    levels: dict[str, Ints]
    percent: dict[str, Floats]
    worth: dict[str, Ints]
    total: Ints

    @classmethod
    def of(
        cls,
        decision: Decision,
        classes: tuple[Classes, Classes],
        texts: dict[str, Texts],
        weights: Weights,
    ) -> _Comparison:
        """Compare the pairs of a decision again, now for the record."""
        lefts, rights = (
            _class_of(side, rows)
            for side, rows in zip(classes, (decision.left_rows, decision.right_rows), strict=True)
        )
        levels, percent, worth = {}, {}, {}
        total = np.full(len(lefts), weights.prior, dtype=np.int64)
        for name, each in texts.items():
            levels[name], percent[name] = each.compared(lefts, rights)
            worth[name] = weights.of(name, levels[name])
            total += worth[name]
        return cls(levels, percent, worth, total)


def _class_of(side: Classes, rows: Ints) -> Ints:
    """The class that each row is in."""
    numbers = np.zeros(int(np.max(side.rows, initial=0)) + 1, dtype=np.int64)
    numbers[side.rows] = np.repeat(np.arange(len(side)), side.counts)
    return numbers[rows]


def _words(
    comparison: _Comparison, sides: tuple[PassSide, PassSide], decision: Decision
) -> list[pl.Series]:
    """A sentence for each field, and one for all of them together."""
    left, right = sides
    words = [
        _field_words(
            name,
            left.items[name][decision.left_rows],
            right.items[name][decision.right_rows],
            comparison,
        )
        for name in comparison.levels
    ]
    bits = comparison.total / BIT
    sure = 100.0 / (1.0 + np.exp2(-bits))
    total = pl.Series(bits).round(1), pl.Series(np.floor(sure * 100) / 100)
    return [*words, pl.select(pl.format("match weight {}, probability {}%", *total)).to_series()]


def _field_words(
    name: str, left: pl.Series, right: pl.Series, comparison: _Comparison
) -> pl.Series:
    """``counterparty 93% alike: ACME Ltd / Acme Limited (weight 5.2)``."""
    level = pl.Series(comparison.levels[name], dtype=pl.Int64)
    weight = pl.Series(comparison.worth[name] / BIT, dtype=pl.Float64).round(1)
    percent = pl.Series(np.floor(comparison.percent[name]), dtype=pl.Int64)
    texts = json_text(pl.lit(left)), json_text(pl.lit(right))
    told = name.removeprefix(ATTRIBUTE_PREFIX)
    sentence = (
        pl.when(level == MISSING)
        .then(pl.lit(f"{told} is missing on one side"))
        .when((level == EQUAL) & (left == right))
        .then(pl.format(f"{told} equal: {{}} (weight {{}})", texts[0], weight))
        .when(level == DIFFERENT)
        .then(pl.format(f"{told} differs: {{}} / {{}} (weight {{}})", *texts, weight))
        .otherwise(
            pl.format(f"{told} {{}}% alike: {{}} / {{}} (weight {{}})", percent, *texts, weight)
        )
    )
    return pl.select(sentence).to_series()
