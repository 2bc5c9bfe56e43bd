"""Section 7: exceptions, their evaluation, and anomalies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from ..figures import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceptionLine:
    """A break or other exception of the population.

    Args:
        account: where it was found: the account, or the reconciliation.
    """

    reference: str
    booked_on: date | None
    account: str
    description: str
    cause: str
    amount: Money
    status: str
    is_open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Deficiency:
    """An evaluated exception: nature, effect and what was done about it."""

    nature: str
    cause: str
    amount: Money
    compensating_control: str
    remediation: str
    retest: str
    severity: str
    aggregation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Anomaly:
    """A transaction that a rule or statistic singled out, and its disposition.

    Args:
        score: as the method gives it, already written.
    """

    reference: str
    booked_on: date
    account: str
    amount: Money
    score: str
    reasons: tuple[str, ...]
    disposition: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Exceptions:
    """Section 7. Empty lists say that nothing was found.

    Args:
        anomaly_method: methods, parameters and versions behind ``anomalies``.
    """

    lines: tuple[ExceptionLine, ...]
    deficiencies: tuple[Deficiency, ...]
    anomalies: tuple[Anomaly, ...]
    anomaly_method: str
