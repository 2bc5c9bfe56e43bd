"""Sections 2 to 5: controls, population, information produced by the entity, sample."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from ..figures import Money
from .digests import digest_of_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """Section 2: one control, as it was in force."""

    identifier: str
    name: str
    objective: str
    risk: str
    assertions: tuple[str, ...]
    coso_principle: str
    nature: str
    automation: str
    is_key: bool
    frequency: str
    owner: str
    version: str
    result: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulationLine:
    """One population: how many lines, their totals, and whether their numbering has gaps.

    Args:
        gaps: numbers that are missing between first and last, or empty.
    """

    name: str
    count: int
    debits: Money
    credits: Money
    first_id: str
    last_id: str
    gaps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RollForwardLine:
    """Opening balance plus activity against closing balance, for an account of an entity.

    Args:
        opening, closing: balances, debit positive.
        debits, credits: totals of the period, both positive.
    """

    entity: str
    account: str
    opening: Decimal
    debits: Decimal
    credits: Decimal
    closing: Decimal
    currency: str

    @property
    def difference(self) -> Decimal:
        """Closing balance less opening balance and activity; zero if it rolls forward."""
        return self.closing - (self.opening + self.debits - self.credits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """Section 3."""

    definition: str
    lines: tuple[PopulationLine, ...]
    roll_forward: tuple[RollForwardLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSource:
    """Section 4: information produced by the entity, and how it was drawn.

    Args:
        query_text: the exact query, printed in an appendix with its SHA-256.
        control_totals: one amount per currency.
        content_sha256: digest of the original bytes, or empty.
    """

    report: str
    version: str
    system: str
    query_text: str
    parameters: tuple[tuple[str, str], ...] = ()
    filters: str = ""
    row_count: int
    rejected_count: int = 0
    control_totals: tuple[Money, ...]
    run_by: str
    run_at: datetime
    snapshot: str
    content_sha256: str = ""

    @property
    def query_sha256(self) -> str:
        """SHA-256 of the query text as UTF-8."""
        return digest_of_text(self.query_text)


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleItem:
    """One item that was examined, and what came of it."""

    reference: str
    description: str
    amount: Money
    result: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Section 5."""

    method: str
    seed: str
    population_count: int
    size_rationale: str
    items: tuple[SampleItem, ...]
