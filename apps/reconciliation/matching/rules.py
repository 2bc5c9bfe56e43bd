"""A rule set: ordered passes, and what tells the causes of breaks apart. Immutable, with a digest.

Every setting, its default and its meaning is listed in docs/explanation/matching.md.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from apps.reconciliation.matching.days import BUSINESS, CALENDAR, Calendar
from apps.reconciliation.matching.errors import RulesInvalid
from apps.reconciliation.matching.money import DECIMALS, unscaled
from apps.reconciliation.matching.reading import PERCENT_DECIMALS, Settings
from apps.reconciliation.matching.schemas import DATE_FIELDS, TEXT_FIELDS, Ints

EXACT, TOLERANCE = "exact", "tolerance"
PASS_KINDS = (EXACT, TOLERANCE)
LARGER, SMALLER = "larger", "smaller"
AUTOMATIC, SUGGESTED = "automatic", "suggested"
SAME, OPPOSITE, UNSIGNED = "same", "opposite", "unsigned"
ATTRIBUTE_PREFIX = "attributes."
PERCENT_SCALE = 100 * 10**PERCENT_DECIMALS  # millionths of a percent in the whole

_TEXT_KEY = rf"(?:{'|'.join(TEXT_FIELDS)}|attributes\.\w+)"
_KEY = rf"(?:amount|currency|{'|'.join(DATE_FIELDS)}|{_TEXT_KEY})"


@dataclass(frozen=True)
class Tolerance:
    """How far two amounts may be apart. The percentage is of the left amount.

    Attributes:
        absolute: ten-thousandths; None if only the percentage counts.
        percent: millionths of a percent; None if only the absolute amount counts.
        combine: which of the two counts where both are given.
    """

    absolute: int | None = 0
    percent: int | None = None
    combine: str = LARGER

    @classmethod
    def read(cls, settings: Settings) -> Tolerance:
        """From ``{"absolute": "0.05", "percent": "1.5", "combine": "larger"}``."""
        absolute, percent = settings.amount("absolute"), settings.percent("percent")
        tolerance = cls(
            absolute=absolute if settings.has("absolute") else None,
            percent=percent if settings.has("percent") else None,
            combine=settings.choice("combine", (LARGER, SMALLER), LARGER),
        )
        if tolerance.absolute is None and tolerance.percent is None:
            settings.fault("", "needs absolute, percent or both")
        settings.finish()
        return tolerance

    def to_mapping(self) -> dict[str, Any]:
        """What ``read`` takes."""
        mapping: dict[str, Any] = {"combine": self.combine}
        if self.absolute is not None:
            mapping["absolute"] = unscaled(self.absolute, DECIMALS)
        if self.percent is not None:
            mapping["percent"] = unscaled(self.percent, PERCENT_DECIMALS)
        return mapping

    def allowed(self, left_amounts: Ints) -> Ints:
        """The largest difference allowed for each left amount, rounded down, in exact integers."""
        fixed = np.full_like(left_amounts, self.absolute or 0)
        if self.percent is None:
            return fixed
        whole, rest = np.divmod(np.abs(left_amounts), PERCENT_SCALE)
        share = whole * self.percent + rest * self.percent // PERCENT_SCALE
        if self.absolute is None:
            return share
        pick = np.maximum if self.combine == LARGER else np.minimum
        return np.asarray(pick(share, fixed), dtype=np.int64)


@dataclass(frozen=True)
class DateWindow:
    """Where the right date may lie, seen from the left: ``-before_days .. after_days``."""

    before_days: int
    after_days: int
    unit: str = CALENDAR

    @classmethod
    def read(cls, settings: Settings) -> DateWindow:
        """From ``{"before_days": 0, "after_days": 3, "unit": "business"}``."""
        window = cls(
            before_days=settings.whole("before_days", 0, least=-36_600),
            after_days=settings.whole("after_days", 0, least=-36_600),
            unit=settings.choice("unit", (CALENDAR, BUSINESS), CALENDAR),
        )
        if -window.before_days > window.after_days:
            settings.fault("", "is empty: it ends before it begins")
        settings.finish()
        return window

    def to_mapping(self) -> dict[str, Any]:
        """What ``read`` takes."""
        return {
            "before_days": self.before_days,
            "after_days": self.after_days,
            "unit": self.unit,
        }

    def words(self) -> str:
        """``window -1..3``, in business days said so."""
        unit = " business days" if self.unit == BUSINESS else ""
        return f"window {-self.before_days}..{self.after_days}{unit}"


@dataclass(frozen=True)
class Pass:
    """One step of a rule set; kinds and what they need are in ``passes/``."""

    name: str
    kind: str
    keys: tuple[str, ...]
    status: str = AUTOMATIC
    sign: str = SAME
    date_field: str = "booked_on"
    date_window: DateWindow | None = None
    tolerance: Tolerance = field(default_factory=Tolerance)

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
        if self.kind == TOLERANCE:
            mapping["tolerance"] = self.tolerance.to_mapping()
        return mapping

    @property
    def unit(self) -> str:
        """What this pass measures dates in."""
        return self.date_window.unit if self.date_window else CALENDAR

    @property
    def text_keys(self) -> tuple[str, ...]:
        """The keys that can be blank, and match nothing then."""
        return tuple(key for key in self.keys if key not in {"amount", "currency", *DATE_FIELDS})

    @property
    def block_fields(self) -> list[str]:
        """What has to be equal besides the amount: the currency always, then the keys."""
        return ["currency", *(key for key in self.keys if key not in {"amount", "currency"})]


def _check_pass(step: Pass, settings: Settings) -> None:
    if not step.keys and not step.date_window:
        settings.fault("keys", "name at least one field, or give a date_window")
    if step.kind == EXACT and settings.has("tolerance"):
        settings.fault("tolerance", "an exact pass has none")
    if step.kind == TOLERANCE and not settings.has("tolerance"):
        settings.fault("tolerance", "must be given in a tolerance pass")
    if step.kind == TOLERANCE and "amount" in step.keys:
        settings.fault("keys", "a tolerance pass cannot have amount among its keys")


@dataclass(frozen=True)
class FeeSchedule:
    """What a provider keeps of a gross amount: fixed + percent of gross.

    Attributes:
        fixed: ten-thousandths.
        percent: millionths of a percent.
        currency: the only currency it holds for, or '' for any.
    """

    name: str
    fixed: int = 0
    percent: int = 0
    currency: str = ""

    @classmethod
    def read(cls, settings: Settings) -> FeeSchedule:
        """From ``{"name": "card", "fixed": "0.30", "percent": "2.9", "currency": "EUR"}``."""
        schedule = cls(
            name=settings.text("name"),
            fixed=settings.amount("fixed"),
            percent=settings.percent("percent"),
            currency=settings.text("currency", ""),
        )
        if not (schedule.fixed or schedule.percent):
            settings.fault("", "needs a fixed amount, a percent or both, above 0")
        settings.finish()
        return schedule

    def to_mapping(self) -> dict[str, Any]:
        """What ``read`` takes."""
        return {
            "name": self.name,
            "fixed": unscaled(self.fixed, DECIMALS),
            "percent": unscaled(self.percent, PERCENT_DECIMALS),
            "currency": self.currency,
        }


@dataclass(frozen=True)
class CauseRules:
    """Parameters of the classification of what stays open."""

    duplicate_days: int = 3
    reference_days: int = 3
    rounding_units: int = 1  # minor units of the currency
    split_keys: tuple[str, ...] = ("reference", "attributes.payout_id")

    @classmethod
    def read(cls, settings: Settings) -> CauseRules:
        """From ``{"duplicate_days": 3, ..., "split_keys": ["reference"]}``."""
        rules = cls(
            duplicate_days=settings.whole("duplicate_days", cls.duplicate_days, least=0),
            reference_days=settings.whole("reference_days", cls.reference_days, least=0),
            rounding_units=settings.whole("rounding_units", cls.rounding_units, least=0),
            split_keys=settings.names("split_keys", _TEXT_KEY, cls.split_keys),
        )
        settings.finish()
        return rules

    def to_mapping(self) -> dict[str, Any]:
        """What ``read`` takes."""
        return {
            "duplicate_days": self.duplicate_days,
            "reference_days": self.reference_days,
            "rounding_units": self.rounding_units,
            "split_keys": list(self.split_keys),
        }


def _read_calendar(settings: Settings) -> Calendar:
    workdays = settings.text("workdays", Calendar.workdays)
    if not re.fullmatch("[01]{7}", workdays) or "1" not in workdays:
        settings.fault("workdays", "must be seven 0s and 1s from Monday, at least one of them 1")
    calendar = Calendar(workdays, settings.dates("holidays"))
    settings.finish()
    return calendar


def _read_right_sign(settings: Settings) -> int:
    sign = settings.whole("right_sign", 1, least=-1)
    if sign not in {1, -1}:
        settings.fault("right_sign", "must be 1 or -1")
    settings.finish()
    return sign


@dataclass(frozen=True)
class RuleSet:
    """Everything that decides the outcome of a reconciliation besides the items.

    Attributes:
        version: the label of this version of the rules.
        passes: in the order in which they take items.
        right_sign: -1 if the right side counts the other way (a bank's books, a creditor's).
        awaited_days: an item booked this many days before the as-of date, or fewer, is awaited.
        materiality: ten-thousandths; a break of at least this much is material.
    """

    version: str
    passes: tuple[Pass, ...]
    right_sign: int = 1
    calendar: Calendar = field(default_factory=Calendar)
    awaited_days: int = 5
    materiality: int = 0
    fee_schedules: tuple[FeeSchedule, ...] = ()
    causes: CauseRules = field(default_factory=CauseRules)

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> RuleSet:
        """Read and check a rule set.

        Raises:
            RulesInvalid: with every fault, each naming its path.
        """
        faults: list[str] = []
        settings = Settings(mapping, "", faults)
        rules = cls(
            version=settings.text("version"),
            passes=tuple(Pass.read(entry) for entry in settings.each("passes")),
            right_sign=_read_right_sign(settings.below("sides")),
            calendar=_read_calendar(settings.below("calendar")),
            awaited_days=settings.whole("awaited_days", cls.awaited_days, least=0),
            materiality=settings.amount("materiality"),
            fee_schedules=tuple(FeeSchedule.read(each) for each in settings.each("fee_schedules")),
            causes=CauseRules.read(settings.below("causes")),
        )
        if not rules.passes:
            settings.fault("passes", "must hold at least one pass")
        names = [step.name for step in rules.passes]
        for index, name in enumerate(names):
            if name and name in names[:index]:
                settings.fault(f"passes[{index}].name", f"is used twice: {name!r}")
        settings.finish()
        if faults:
            raise RulesInvalid(faults)
        return rules

    def to_mapping(self) -> dict[str, Any]:
        """The whole rule set, defaults written out; ``from_mapping`` gives it back."""
        return {
            "version": self.version,
            "sides": {"right_sign": self.right_sign},
            "calendar": {
                "workdays": self.calendar.workdays,
                "holidays": [day.isoformat() for day in self.calendar.holidays],
            },
            "passes": [step.to_mapping() for step in self.passes],
            "awaited_days": self.awaited_days,
            "materiality": unscaled(self.materiality, DECIMALS),
            "fee_schedules": [schedule.to_mapping() for schedule in self.fee_schedules],
            "causes": self.causes.to_mapping(),
        }

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of the canonical JSON: sorted keys, no spaces, defaults written out."""
        canonical = json.dumps(
            self.to_mapping(), sort_keys=True, separators=(",", ":"), ensure_ascii=False
        )
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def attribute_keys(self) -> tuple[str, ...]:
        """The ``attributes.x`` fields that passes or causes compare, sorted."""
        fields = {key for step in self.passes for key in step.keys} | set(self.causes.split_keys)
        return tuple(sorted(key for key in fields if key.startswith(ATTRIBUTE_PREFIX)))
