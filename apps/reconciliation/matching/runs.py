"""Runs the passes in order until none of them can add anything."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from apps.reconciliation.matching.classes import LEVEL, PassSide
from apps.reconciliation.matching.compared import compared
from apps.reconciliation.matching.found import NO_CLUSTER, Found
from apps.reconciliation.matching.items import ROW
from apps.reconciliation.matching.pass_rules import Pass
from apps.reconciliation.matching.passes import match_by
from apps.reconciliation.matching.rates import RateTable
from apps.reconciliation.matching.rules import RuleSet
from apps.reconciliation.matching.schemas import (
    CONTENT_ORDER,
    IDENTITY,
    LEFT,
    RIGHT,
    SIDES,
    Flags,
    Ints,
)
from apps.reconciliation.matching.valuing import OWN_CURRENCY, Valued, valued
from apps.reconciliation.matching.watching import Step, Watch, unwatched
from apps.reconciliation.matching.weights import Weights


class Run:
    """Both sides, what of them is open, and what the passes have found so far.

    Attributes:
        items: by side, as ``items.prepared`` makes them.
        is_open: by side, for each row.
        found: the passes that made groups, with what they found, in the order of finding.
        doubts: by index of the pass, the open items that it could not decide (DOUBTS).
        learned: by name of the pass, the weights that were estimated.
    """

    def __init__(
        self,
        left: pl.DataFrame,
        right: pl.DataFrame,
        rules: RuleSet,
        rates: RateTable,
        watch: Watch = unwatched,
    ) -> None:
        self.items = {LEFT: left, RIGHT: right}
        self.rules = rules
        self._rates = rates
        self._watch = watch
        self.is_open = {
            side: np.ones(items.height, dtype=np.bool_) for side, items in self.items.items()
        }
        self.found: list[tuple[Pass, Found]] = []
        # Weights that a pass has estimated hold for the whole run.
        self._steps = list(rules.passes)
        self.learned: dict[str, Weights] = {}
        self.doubts: dict[int, pl.DataFrame] = {}

    def resume(self, is_open: dict[str, Flags], doubts: dict[int, pl.DataFrame]) -> None:
        """Go on where others have run the first passes: what these left open, what they doubted."""
        self.is_open, self.doubts = is_open, doubts

    def match(self, passes: range) -> None:
        """Run these passes; whenever one takes items, ask the earlier ones again what they doubted.

        An earlier pass may have been torn between two candidates of which a later one has taken
        one. What it could not decide is all that it can still decide, so only that is looked at.
        The outcome is a fixed point: another run over what is open finds nothing.
        """
        for index in passes:
            self.tell(index + 1)
            if self._take(index, self.is_open):
                self._settle(index)

    def tell(self, pass_number: int) -> None:
        """Say that a pass begins, or, with 0, that all are through."""
        count = sum(int(np.count_nonzero(is_open)) for is_open in self.is_open.values())
        self._watch(Step(pass_number, count))

    def _settle(self, last: int) -> None:
        index = 0
        while index <= last:
            doubted = self._doubted(index)
            if doubted and self._take(index, doubted):
                index = 0
            else:
                index += 1

    def _doubted(self, index: int) -> dict[str, Flags] | None:
        """The open items that the pass doubted, if some of its doubts are no longer open."""
        doubts = self.doubts[index]
        among = {}
        is_shaken = False
        for side, is_open in self.is_open.items():
            rows = doubts.filter(pl.col("side") == side)[ROW].to_numpy()
            is_shaken |= not is_open[rows].all()
            among[side] = np.zeros_like(is_open)
            among[side][rows] = is_open[rows]
        return among if is_shaken else None

    def _take(self, index: int, among: dict[str, Flags]) -> bool:
        """Run a pass over some of the items and take what it finds. Whether it found anything."""
        step = self._steps[index]
        left, right = (self._seen_by(step, side, among[side]) for side in (LEFT, RIGHT))
        found = match_by(step, left, right)
        self.doubts[index] = found.doubts
        if found.weights:
            self.learned[step.name] = found.weights
            likeness = replace(step.likeness, weights=found.weights)  # type: ignore[type-var]
            self._steps[index] = replace(step, likeness=likeness)
        for side, is_open in self.is_open.items():
            is_open[found.members.filter(pl.col("side") == side)[ROW].to_numpy()] = False
        if found.groups.height:
            self.found.append((step, found))
        return found.groups.height > 0

    def _seen_by(self, step: Pass, side: str, among: Flags) -> PassSide:
        value = valued(self.items[side], step, side, self.rules, self._rates)
        items = value.items
        if value.is_known is not None:
            among = among & value.is_known
        amounts = compared(value.net, step.sign, side)
        level = pl.Series(LEVEL, amounts, dtype=pl.Int64)
        keyed = items.select(ROW, *step.keyed_fields(side), level)
        if not among.all():
            keyed = keyed.filter(among)
        for key in step.fields_filled(side):
            keyed = keyed.filter(pl.col(key).str.strip_chars() != "")
        days = self.rules.calendar.number(items[step.date_field], step.unit)
        marks, worth = _obstacles(value, keyed, step, side)
        more = _also_told_apart_by(step)
        return PassSide(
            items,
            keyed,
            amounts,
            value.net,
            days,
            days,
            marks,
            worth,
            None if worth is None else value.own,
            identity=(*more, *IDENTITY),
            content_order=(*more, *(name for name in CONTENT_ORDER if name not in more)),
        )

    def open_items(self) -> pl.DataFrame:
        """The items that no group holds, of both sides, with their ``side``."""
        return pl.concat(
            items.filter(self.is_open[side]).with_columns(pl.lit(side, dtype=SIDES).alias("side"))
            for side, items in self.items.items()
        )

    def ties(self) -> pl.DataFrame:
        """The open items between which a pass could not decide: DOUBTS and ``pass_index``."""
        return pl.concat(
            doubts.filter(pl.col("cluster") != NO_CLUSTER).with_columns(
                pl.lit(index, dtype=pl.Int64).alias("pass_index")
            )
            for index, doubts in self.doubts.items()
        )


def _also_told_apart_by(step: Pass) -> list[str]:
    """Fields that tell items apart in this pass though they are no part of their content."""
    compared_texts = step.likeness.fields if step.likeness else ()
    own = [OWN_CURRENCY] if step.fx else []
    return own + [name for name in compared_texts if name not in IDENTITY]


def _obstacles(
    value: Valued, keyed: pl.DataFrame, step: Pass, side: str
) -> tuple[Ints | None, Ints | None]:
    """Marks and worth of the items: what keeps two apart that agree in all else.

    Of two amounts in one foreign currency a rate takes the difference away, down to the minor unit
    of another currency. Where amounts have to be equal, they have to be so in their own.
    """
    if step.different:
        return _marks(keyed, step.different, value.items.height), None
    if value.own is None or step.tolerance.is_some:
        return None, None
    codes = value.items[OWN_CURRENCY]
    known = codes.unique().to_list()
    numbers = [int.from_bytes(code.encode()) for code in known]
    marks = codes.replace_strict(known, numbers, return_dtype=pl.Int64).to_numpy()
    return marks, compared(value.own, step.sign, side)


def _marks(keyed: pl.DataFrame, field: str, rows: int) -> Ints:
    """A number for each item by row: the same where the field is the same."""
    marks = np.zeros(rows, dtype=np.int64)
    marks[keyed[ROW].to_numpy()] = keyed[field].rank("dense").to_numpy()
    return marks
