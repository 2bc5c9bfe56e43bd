"""What a fuzzy pass compares, and from which probability on it matches."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log2
from typing import Any

from apps.reconciliation.matching.money import unscaled
from apps.reconciliation.matching.reading import Settings
from apps.reconciliation.matching.weights import BIT, Weights

SHARE_DECIMALS = 6
_WHOLE = 10**SHARE_DECIMALS


@dataclass(frozen=True)
class Likeness:
    """The settings of a fuzzy pass.

    Attributes:
        fields: texts that are compared, and need not be equal.
        needed: those of them in which two items have to be alike at least to be paired at all.
        automatic, suggested: the probability, in millionths, from which on a pair is made and
            from which on it is only suggested.
        weights: what the levels are worth; None: to be estimated from the items.
        learned: what an earlier run estimated, taken where no weights are given. No part of the
            rules: neither of their mapping nor of their digest.
    """

    fields: tuple[str, ...]
    automatic: int = 990_000
    suggested: int = 900_000
    needed: tuple[str, ...] = ()
    weights: Weights | None = None
    learned: Weights | None = None

    @classmethod
    def read(cls, settings: Settings, field: str) -> Likeness:
        """From ``{"fields": ["counterparty"], "automatic": "0.99", "suggested": "0.9"}``.

        Args:
            field: the pattern of a text field.
        """
        fields = settings.names("fields", field)
        likeness = cls(
            fields=fields,
            automatic=_share(settings, "automatic", cls.automatic),
            suggested=_share(settings, "suggested", cls.suggested),
            needed=settings.names("needed", field),
            weights=Weights.read(settings.below("weights"), fields)
            if settings.has("weights")
            else None,
        )
        if not fields:
            settings.fault("fields", "must name at least one text field")
        for index, name in enumerate(likeness.needed):
            if name not in fields:
                settings.fault(f"needed[{index}]", f"is none of the fields: {name!r}")
        if likeness.automatic < likeness.suggested:
            settings.fault("automatic", "must not be below suggested")
        settings.below("weights")
        settings.finish()
        return likeness

    def to_mapping(self) -> dict[str, Any]:
        """What ``read`` takes."""
        mapping: dict[str, Any] = {
            "fields": list(self.fields),
            "automatic": unscaled(self.automatic, SHARE_DECIMALS),
            "suggested": unscaled(self.suggested, SHARE_DECIMALS),
        }
        if self.needed:
            mapping["needed"] = list(self.needed)
        if self.weights:
            mapping["weights"] = self.weights.to_mapping()
        return mapping

    @property
    def least(self) -> int:
        """The match weight from which on a pair is suggested, in thousandths of a bit."""
        return _bits(self.suggested)

    @property
    def sure(self) -> int:
        """The match weight from which on a pair is made automatically."""
        return _bits(self.automatic)


def _share(settings: Settings, name: str, default: int) -> int:
    if not settings.has(name):
        settings.decimal(name, SHARE_DECIMALS)
        return default
    share = settings.decimal(name, SHARE_DECIMALS)
    if not _WHOLE // 2 < share < _WHOLE:
        settings.fault(name, "must be a probability above 0.5 and below 1")
        return default
    return share


def _bits(share: int) -> int:
    return ceil(log2(share / (_WHOLE - share)) * BIT)
