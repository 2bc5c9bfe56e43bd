"""One step of a rule set: what a pass compares, and what it needs for its kind."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from apps.reconciliation.matching.days import CALENDAR
from apps.reconciliation.matching.fees import FeeRule
from apps.reconciliation.matching.fuzzy import Likeness
from apps.reconciliation.matching.rates import Exchange
from apps.reconciliation.matching.reading import Settings
from apps.reconciliation.matching.schemas import DATE_FIELDS, LEFT, RIGHT, TEXT_FIELDS
from apps.reconciliation.matching.tolerances import DateWindow, Tolerance

EXACT, TOLERANCE, AGGREGATED, SUBSET = "exact", "tolerance", "aggregated", "subset"
OFFSET, FUZZY = "offset", "fuzzy"
PASS_KINDS = (EXACT, TOLERANCE, AGGREGATED, SUBSET, OFFSET, FUZZY)
BOTH = "both"
ONE_TO_MANY, MANY_TO_ONE, EITHER = "one_to_many", "many_to_one", "either"
MANY_TO_MANY = "many_to_many"
CARDINALITIES = (ONE_TO_MANY, MANY_TO_ONE, EITHER, MANY_TO_MANY)
NO_LIMIT = 36_600  # items; more than any subset that can be decided
AUTOMATIC, SUGGESTED = "automatic", "suggested"
SAME, OPPOSITE, UNSIGNED = "same", "opposite", "unsigned"
ATTRIBUTE_PREFIX = "attributes."

TEXT_KEY = rf"(?:{'|'.join(TEXT_FIELDS)}|attributes\.\w+)"
# "reference=attributes.payout_id" compares one field of the left side with another of the right.
_JOINT_KEY = rf"{TEXT_KEY}={TEXT_KEY}"
_KEY = rf"(?:amount|currency|{'|'.join(DATE_FIELDS)}|{TEXT_KEY}|{_JOINT_KEY})"
_BATCH_KEY = rf"(?:id|{'|'.join(DATE_FIELDS)}|{TEXT_KEY})"  # by id: each item on its own
# The kinds that take a tolerance; in the others the amounts are equal.
_TOLERANT = (TOLERANCE, AGGREGATED, OFFSET, FUZZY)
# The kind that a setting belongs to.
_OWN_SETTINGS = {
    "left_by": AGGREGATED,
    "right_by": AGGREGATED,
    "cardinality": SUBSET,
    "most_items": SUBSET,
    "side": OFFSET,
    "different": OFFSET,
    "likeness": FUZZY,
}


@dataclass(frozen=True)
class Pass:
    """One step of a rule set; kinds and what they need are in ``passes/``.

    Attributes:
        left_by, right_by: in an aggregated pass, the fields that make up a batch of the side
            besides the keys.
        cardinality, most_items: in a subset pass, which side may have several items, and how many
            at most.
        side, different: in an offset pass, where it looks, and the field in which the two items
            differ ('' if none has to).
        likeness: in a fuzzy pass, which texts are compared, and what is alike enough.
        fee, fx: whether a fee is taken off one side, and whether amounts are converted first.
    """

    name: str
    kind: str
    keys: tuple[str, ...]
    status: str = AUTOMATIC
    sign: str = SAME
    date_field: str = "booked_on"
    date_window: DateWindow | None = None
    tolerance: Tolerance = field(default_factory=Tolerance)
    left_by: tuple[str, ...] = ()
    right_by: tuple[str, ...] = ()
    cardinality: str = EITHER
    most_items: int = NO_LIMIT
    side: str = BOTH
    different: str = ""
    fee: FeeRule | None = None
    fx: Exchange | None = None
    likeness: Likeness | None = None

    @classmethod
    def read(cls, settings: Settings) -> Pass:
        """From one entry of ``passes``."""
        window = settings.below("date_window")
        tolerance = settings.below("tolerance")
        has_window, has_tolerance = settings.has("date_window"), settings.has("tolerance")
        step = cls(
            name=settings.text("name"),
            kind=settings.choice("kind", PASS_KINDS),
            keys=settings.names("keys", _KEY),
            status=settings.choice("status", (AUTOMATIC, SUGGESTED), AUTOMATIC),
            sign=settings.choice("sign", (SAME, OPPOSITE, UNSIGNED), SAME),
            date_field=settings.choice("date_field", DATE_FIELDS, "booked_on"),
            date_window=DateWindow.read(window) if has_window else None,
            tolerance=Tolerance.read(tolerance) if has_tolerance else Tolerance(),
            left_by=settings.names("left_by", _BATCH_KEY),
            right_by=settings.names("right_by", _BATCH_KEY),
            cardinality=settings.choice("cardinality", CARDINALITIES, EITHER),
            most_items=settings.whole("most_items", NO_LIMIT, least=2),
            side=settings.choice("side", (LEFT, RIGHT, BOTH), BOTH),
            different=settings.field("different", TEXT_KEY),
            fee=FeeRule.read(settings.below("fee")) if settings.has("fee") else None,
            likeness=Likeness.read(settings.below("likeness"), TEXT_KEY)
            if settings.has("likeness")
            else None,
            fx=Exchange.read(settings.below("fx")) if settings.has("fx") else None,
        )
        _check_pass(step, settings)
        settings.finish()
        return step

    def to_mapping(self) -> dict[str, Any]:
        """What ``read`` takes."""
        mapping: dict[str, Any] = {
            "name": self.name,
            "kind": self.kind,
            "keys": list(self.keys),
            "status": self.status,
            "sign": self.sign,
            "date_field": self.date_field,
        }
        if self.date_window:
            mapping["date_window"] = self.date_window.to_mapping()
        if self.fee:
            mapping["fee"] = self.fee.to_mapping()
        if self.fx:
            mapping["fx"] = self.fx.to_mapping()
        if self.kind in _TOLERANT:
            mapping["tolerance"] = self.tolerance.to_mapping()
        if self.kind == AGGREGATED:
            mapping |= {"left_by": list(self.left_by), "right_by": list(self.right_by)}
        if self.kind == SUBSET:
            mapping |= {"cardinality": self.cardinality, "most_items": self.most_items}
        if self.likeness:
            mapping["likeness"] = self.likeness.to_mapping()
        if self.kind == OFFSET:
            mapping |= {"side": self.side, "different": self.different or None}
        return mapping

    @property
    def unit(self) -> str:
        """What this pass measures dates in."""
        return self.date_window.unit if self.date_window else CALENDAR

    @property
    def text_keys(self) -> tuple[str, ...]:
        """The keys that can be blank, and match nothing then."""
        return tuple(key for key in self.keys if _can_be_blank(key))

    @property
    def block_fields(self) -> list[str]:
        """What has to be equal besides the amount: the currency always, then the keys."""
        return ["currency", *(key for key in self.keys if key not in {"amount", "currency"})]

    def batch_fields(self, side: str) -> list[str]:
        """The block fields and what else the items of one batch of the side have in common."""
        own = self.left_by if side == LEFT else self.right_by
        return [*self.block_fields, *(key for key in own if key not in self.block_fields)]

    def keyed_fields(self, side: str) -> list[str]:
        """Every field by which the pass puts the items of the side together or apart."""
        fields = self.batch_fields(side)
        return [*fields, self.different] if self.different else fields

    def fields_filled(self, side: str) -> list[str]:
        """The fields without which an item of the side takes no part."""
        return [key for key in self.keyed_fields(side) if _can_be_blank(key)]

    @property
    def fields_read(self) -> set[str]:
        """Every field that the pass looks at besides amount, currency and dates."""
        stated = self.fee.stated if self.fee else ""
        alike = self.likeness.fields if self.likeness else ()
        return {*self.keys, *self.left_by, *self.right_by, *alike, self.different, stated}


def key_fields(key: str) -> tuple[str, str]:
    """The field of the left and of the right side that a key compares."""
    left, _, right = key.partition("=")
    return left, right or left


def _can_be_blank(key: str) -> bool:
    return key not in {"id", "amount", "currency", *DATE_FIELDS}


def _check_pass(step: Pass, settings: Settings) -> None:
    if not step.keys and not step.date_window:
        settings.fault("keys", "name at least one field, or give a date_window")
    if step.kind not in _TOLERANT and settings.has("tolerance"):
        settings.fault("tolerance", f"{_a(step.kind)} pass has none")
    if step.kind == TOLERANCE and not settings.has("tolerance"):
        settings.fault("tolerance", "must be given in a tolerance pass")
    if step.kind != EXACT and "amount" in step.keys:
        settings.fault("keys", f"{_a(step.kind)} pass cannot have amount among its keys")
    for name, kind in _OWN_SETTINGS.items():
        if step.kind != kind and settings.has(name):
            settings.fault(name, f"{_a(step.kind)} pass has none")
    if step.kind == FUZZY and not settings.has("likeness"):
        settings.fault("likeness", "must be given in a fuzzy pass")
    if step.kind == OFFSET:
        _check_offset(step, settings)
    if step.kind == SUBSET and step.sign == UNSIGNED:
        settings.fault("sign", "a subset pass adds up with signs: same or opposite")


def _check_offset(step: Pass, settings: Settings) -> None:
    if step.sign != SAME:
        settings.fault("sign", "an offset pass is always of opposite amounts")
    for name in ("fee", "fx"):
        if settings.has(name):
            settings.fault(name, "an offset pass has none")
    if step.different in step.keys:
        settings.fault("different", f"{step.different!r} is among the keys, which are equal")
    for index, key in enumerate(step.keys):
        if "=" in key:
            settings.fault(f"keys[{index}]", "an offset pass compares a field with itself")


def _a(kind: str) -> str:
    """The kind with its article."""
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
