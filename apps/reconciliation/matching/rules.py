"""A rule set: ordered passes, and what tells the causes of breaks apart. Immutable, with a digest.

Every setting, its default and its meaning is listed in docs/explanation/matching.md.
"""

from __future__ import annotations

import hashlib
import json
import re
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import Any

from apps.reconciliation.matching.days import Calendar
from apps.reconciliation.matching.errors import RulesInvalid
from apps.reconciliation.matching.fees import FeeSchedule
from apps.reconciliation.matching.money import DECIMALS, unscaled
from apps.reconciliation.matching.pass_rules import (
    ATTRIBUTE_PREFIX,
    OFFSET,
    TEXT_KEY,
    Pass,
    key_fields,
)
from apps.reconciliation.matching.rates import Rate, first_repeated
from apps.reconciliation.matching.reading import Settings
from apps.reconciliation.matching.weights import Weights


@dataclass(frozen=True)
class CauseRules:
    """Parameters of the classification of what stays open."""

    duplicate_days: int = 3
    reference_days: int = 3
    rounding_units: int = 1  # minor units of the currency
    split_keys: tuple[str, ...] = ("reference", "attributes.payout_id")
    period_ends: tuple[date, ...] = ()  # last days of accounting periods; none: calendar months

    @classmethod
    def read(cls, settings: Settings) -> CauseRules:
        """From ``{"duplicate_days": 3, ..., "split_keys": ["reference"]}``."""
        rules = cls(
            duplicate_days=settings.whole("duplicate_days", cls.duplicate_days, least=0),
            reference_days=settings.whole("reference_days", cls.reference_days, least=0),
            rounding_units=settings.whole("rounding_units", cls.rounding_units, least=0),
            split_keys=settings.names("split_keys", TEXT_KEY, cls.split_keys),
            period_ends=settings.dates("period_ends"),
        )
        settings.finish()
        return rules

    def to_mapping(self) -> dict[str, Any]:
        """What ``read`` takes."""
        ends = [day.isoformat() for day in self.period_ends]
        return {
            "duplicate_days": self.duplicate_days,
            "reference_days": self.reference_days,
            "rounding_units": self.rounding_units,
            "split_keys": list(self.split_keys),
            **({"period_ends": ends} if ends else {}),
        }

    def period_of(self, day: date) -> str:
        """The accounting period of a day: ``2026-01``, or ``the period to 2026-01-25``."""
        if not self.period_ends:
            return f"{day:%Y-%m}"
        at = bisect_left(self.period_ends, day)
        if at == len(self.period_ends):
            return f"the period after {self.period_ends[-1]}"
        return f"the period to {self.period_ends[at]}"


def _read_calendar(settings: Settings) -> Calendar:
    workdays = settings.text("workdays", Calendar.workdays)
    if not re.fullmatch("[01]{7}", workdays) or "1" not in workdays:
        settings.fault("workdays", "must be seven 0s and 1s from Monday, at least one of them 1")
    calendar = Calendar(workdays, settings.dates("holidays"))
    settings.finish()
    return calendar


def _with_learned(step: Pass, learned: Mapping[str, Any], faults: list[str]) -> Pass:
    if not step.likeness or step.name not in learned:
        return step
    settings = Settings(learned[step.name], step.name, faults)
    weights = Weights.read(settings, step.likeness.fields)
    return replace(step, likeness=replace(step.likeness, learned=weights))


def _read_right_sign(settings: Settings) -> int:
    sign = settings.whole("right_sign", 1, least=-1)
    if sign not in {1, -1}:
        settings.fault("right_sign", "must be 1 or -1")
    settings.finish()
    return sign


def _check_names(rules: RuleSet, settings: Settings) -> None:
    for key, entries in (("passes", rules.passes), ("fee_schedules", rules.fee_schedules)):
        names = [entry.name for entry in entries]
        for index, name in enumerate(names):
            if name and name in names[:index]:
                settings.fault(f"{key}[{index}].name", f"is used twice: {name!r}")
    schedules = {schedule.name for schedule in rules.fee_schedules}
    for index, step in enumerate(rules.passes):
        if step.fee and step.fee.schedule and step.fee.schedule not in schedules:
            message = f"is none of the fee_schedules: {step.fee.schedule!r}"
            settings.fault(f"passes[{index}].fee.schedule", message)


def _check_rates(rules: RuleSet, settings: Settings) -> None:
    repeated = first_repeated(rules.rates)
    if repeated:
        message = (
            f"{repeated.id!r} is a second rate from {repeated.currency} to {repeated.to} "
            f"for {repeated.on}"
        )
        settings.fault("rates", message)


@dataclass(frozen=True)
class RuleSet:
    """Everything that decides the outcome of a reconciliation besides the items.

    Attributes:
        version: the label of this version of the rules.
        passes: in the order in which they take items.
        right_sign: -1 if the right side counts the other way (a bank's books, a creditor's).
        awaited_days: an item booked this many days before the as-of date, or fewer, is awaited.
        materiality: ten-thousandths; a break of at least this much is material.
        rates: exchange rates, besides those that a run is given as a frame.
    """

    version: str
    passes: tuple[Pass, ...]
    right_sign: int = 1
    calendar: Calendar = field(default_factory=Calendar)
    awaited_days: int = 5
    materiality: int = 0
    fee_schedules: tuple[FeeSchedule, ...] = ()
    rates: tuple[Rate, ...] = ()
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
            rates=tuple(Rate.read(each) for each in settings.each("rates")),
            causes=CauseRules.read(settings.below("causes")),
        )
        if not rules.passes:
            settings.fault("passes", "must hold at least one pass")
        _check_names(rules, settings)
        _check_rates(rules, settings)
        settings.finish()
        if faults:
            raise RulesInvalid(faults)
        return rules

    def with_learned(self, learned: Mapping[str, Any]) -> RuleSet:
        """The same rules, digest included; their fuzzy passes take what was learned before.

        Weights that the rules give themselves stay.

        Args:
            learned: by name of the pass, as ``Outcome.learned`` has it.

        Raises:
            RulesInvalid: what was learned does not fit the fields of its pass.
        """
        faults: list[str] = []
        passes = tuple(_with_learned(step, learned, faults) for step in self.passes)
        if faults:
            raise RulesInvalid(faults)
        return replace(self, passes=passes)

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
            **({"rates": [rate.to_mapping() for rate in self.rates]} if self.rates else {}),
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
        keys = set(self.causes.split_keys).union(*(step.fields_read for step in self.passes))
        fields = {field for key in keys for field in key_fields(key)}
        return tuple(sorted(field for field in fields if field.startswith(ATTRIBUTE_PREFIX)))

    def schedule(self, name: str) -> FeeSchedule:
        """The fee schedule of this name."""
        return next(schedule for schedule in self.fee_schedules if schedule.name == name)

    @property
    def two_sided(self) -> tuple[Pass, ...]:
        """The passes that put items of the left together with items of the right."""
        return tuple(step for step in self.passes if step.kind != OFFSET)

    def compares(self, field: str) -> bool:
        """Whether some pass compares this field of the two sides."""
        return any(field in step.keys for step in self.two_sided)

    @property
    def joint_keys(self) -> tuple[str, ...]:
        """The keys that compare two different fields, sorted."""
        keys = {key for step in self.passes for key in step.keys}
        return tuple(sorted(key for key in keys if "=" in key))
