"""The chart of accounts: nineteen accounts, and which of them the reconciliations look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

AccountType = Literal["asset", "liability", "equity", "revenue", "expense"]
Balance = Literal["debit", "credit"]

BANK = "1000"
CLEARING = "1050"
RECEIVABLES = "1100"
PREPAID = "1200"
EQUIPMENT = "1500"
ACCUMULATED_DEPRECIATION = "1590"
PAYABLES = "2000"
VAT = "2100"
PAYROLL = "2200"
ACCRUALS = "2300"
EQUITY = "3000"
FIELD_REVENUE = "4000"
ONLINE_REVENUE = "4100"
WAGES = "5000"
SUBCONTRACTORS = "5100"
VEHICLES = "5200"
RENT = "5300"
FEES = "5400"
OTHER = "5500"


@dataclass(frozen=True)
class Account:
    """An account of the general ledger."""

    code: str
    name: str
    type: AccountType
    normal_balance: Balance


CHART = (
    Account(BANK, "Bank current account", "asset", "debit"),
    Account(CLEARING, "Payment gateway clearing", "asset", "debit"),
    Account(RECEIVABLES, "Trade receivables", "asset", "debit"),
    Account(PREPAID, "Prepaid expenses", "asset", "debit"),
    Account(EQUIPMENT, "Equipment", "asset", "debit"),
    Account(ACCUMULATED_DEPRECIATION, "Accumulated depreciation", "asset", "credit"),
    Account(PAYABLES, "Trade payables", "liability", "credit"),
    Account(VAT, "VAT payable", "liability", "credit"),
    Account(PAYROLL, "Payroll liabilities", "liability", "credit"),
    Account(ACCRUALS, "Accruals", "liability", "credit"),
    Account(EQUITY, "Share capital and retained earnings", "equity", "credit"),
    Account(FIELD_REVENUE, "Service revenue, field jobs", "revenue", "credit"),
    Account(ONLINE_REVENUE, "Service revenue, online", "revenue", "credit"),
    Account(WAGES, "Wages and salaries", "expense", "debit"),
    Account(SUBCONTRACTORS, "Subcontractors", "expense", "debit"),
    Account(VEHICLES, "Vehicle costs", "expense", "debit"),
    Account(RENT, "Rent", "expense", "debit"),
    Account(FEES, "Bank and gateway fees", "expense", "debit"),
    Account(OTHER, "Depreciation and other costs", "expense", "debit"),
)

RESULT_ACCOUNTS = frozenset(a.code for a in CHART if a.type in {"revenue", "expense"})
"""Accounts that begin each fiscal year at zero."""

SUBLEDGER_ACCOUNTS = (RECEIVABLES, PAYABLES, PAYROLL)
"""Accounts whose ledger lines the ERP's document register has to agree with."""
