"""The four reconciliations as configuration: sources, accounts, passes, fees, waiting time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .chart import BANK, CLEARING, FIELD_REVENUE, SUBLEDGER_ACCOUNTS
from .entity import CURRENCY, IBAN
from .facts import MatchType
from .money import BANK_FEE_CENTS, CARD_FEE_BASIS_POINTS, CARD_FEE_FIXED_CENTS, plain
from .workdays import CLOSED_ON

LEDGER_SOURCE = "gl_extract"
TOLERANCE_CENTS = 5
WINDOW_DAYS = 5
AWAITED_DAYS = 5
DUPLICATE_DAYS = 3
MATERIALITY_CENTS = 50_000


@dataclass(frozen=True)
class Fee:
    """What somebody keeps of a gross amount."""

    name: str
    basis_points: int
    fixed_cents: int

    def described(self) -> dict[str, str]:
        """As a fee schedule of a rule set: percent of the gross amount, and fixed."""
        return {
            "name": self.name,
            "percent": plain(self.basis_points),
            "fixed": plain(self.fixed_cents),
            "currency": CURRENCY,
        }


@dataclass(frozen=True)
class Reconciliation:
    """One of the four, and how its two sides relate.

    Args:
        accounts: ledger accounts whose lines take part.
        other_source: the source compared with the ledger.
        is_ledger_left: True if the ledger is the left side.
        right_sign: what the right side's amounts are multiplied with before comparing.
        other_accounts: what the other source calls the accounts that take part.
        fee: the fee schedule, or None.
    """

    match_type: MatchType
    name: str
    description: str
    accounts: tuple[str, ...]
    other_source: str
    other_accounts: tuple[str, ...]
    is_ledger_left: bool
    right_sign: int
    fee: Fee | None


RECONCILIATIONS = (
    Reconciliation(
        MatchType.GL_ERP,
        "General ledger to ERP",
        "Ledger lines on receivables, payables and payroll against the ERP's documents.",
        SUBLEDGER_ACCOUNTS,
        "erp_extract",
        SUBLEDGER_ACCOUNTS,
        True,
        1,
        None,
    ),
    Reconciliation(
        MatchType.BANK_GL,
        "Bank to general ledger",
        "Lines of the bank statement against ledger lines on the bank account.",
        (BANK,),
        "bank_statement",
        (IBAN,),
        False,
        1,
        Fee("correspondent bank", 0, BANK_FEE_CENTS),
    ),
    Reconciliation(
        MatchType.GATEWAY_GL,
        "Payment gateway to general ledger",
        "Net card transactions and payouts against ledger lines on the clearing account.",
        (CLEARING,),
        "gateway_payouts",
        (CLEARING,),
        False,
        1,
        Fee("card", CARD_FEE_BASIS_POINTS, CARD_FEE_FIXED_CENTS),
    ),
    Reconciliation(
        MatchType.JOBS_REVENUE,
        "Client jobs to revenue",
        "Jobs in the client's system against ledger lines of field job revenue.",
        (FIELD_REVENUE,),
        "client_jobs",
        (FIELD_REVENUE,),
        False,
        -1,
        None,
    ),
)


def match_types() -> dict[str, Any]:
    """The content of match_types.json; ``rules`` is a rule set as the matching kernel reads it."""
    return {"match_types": [_described(reconciliation) for reconciliation in RECONCILIATIONS]}


def _described(reconciliation: Reconciliation) -> dict[str, Any]:
    sides = [
        {"source": LEDGER_SOURCE, "accounts": list(reconciliation.accounts)},
        {"source": reconciliation.other_source, "accounts": list(reconciliation.other_accounts)},
    ]
    left, right = sides if reconciliation.is_ledger_left else reversed(sides)
    return {
        "code": reconciliation.match_type.value,
        "name": reconciliation.name,
        "description": reconciliation.description,
        "left": left,
        "right": right,
        "rules": _rules(reconciliation),
    }


def _rules(reconciliation: Reconciliation) -> dict[str, Any]:
    fee = reconciliation.fee
    return {
        "version": "1",
        "sides": {"right_sign": reconciliation.right_sign},
        "calendar": {
            "workdays": "1111100",
            "holidays": [day.isoformat() for day in sorted(CLOSED_ON)],
        },
        "passes": [
            {
                "name": "Same reference, amount and day",
                "kind": "exact",
                "keys": ["reference", "amount"],
                "date_window": _window(0),
            },
            {
                "name": "Same reference, near",
                "kind": "tolerance",
                "keys": ["reference"],
                "tolerance": {"absolute": plain(TOLERANCE_CENTS)},
                "date_window": _window(WINDOW_DAYS),
            },
        ],
        "awaited_days": AWAITED_DAYS,
        "materiality": plain(MATERIALITY_CENTS),
        "fee_schedules": [] if fee is None else [fee.described()],
        "causes": {"duplicate_days": DUPLICATE_DAYS, "split_keys": ["reference"]},
    }


def _window(days: int) -> dict[str, Any]:
    return {"before_days": days, "after_days": days, "unit": "calendar"}
