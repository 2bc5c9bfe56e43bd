"""Section 1: what the cover says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Figure:
    """A headline of the cover, such as "Match rate", "99.02%"."""

    label: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """Section 1.

    Args:
        process: what was done, such as "Bank reconciliation".
        conclusion: the answer in a sentence or two, as the process recorded it.
        generated_by: the person or process that asked for the package.
        generator: name and build of the software.
        time_zone: IANA zone of the entity.
        supersedes: the package that this one replaces, or empty.
    """

    process: str
    entity: str
    ledger: str
    period: str
    period_start_on: date
    period_end_on: date
    package: str
    version: int
    supersedes: str = ""
    conclusion: str
    figures: tuple[Figure, ...] = ()
    generated_by: str
    generator: str
    generated_at: datetime
    time_zone: str
    classification: str = "Confidential"
