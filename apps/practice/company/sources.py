"""How each file is read: its format and its field mapping, in the terms of the file formats.

``columns`` maps fields of a line to columns, ``constants`` are fields that the file does not
have, ``attributes`` names further columns that are kept as text. Without a ``date_format`` the
dates are ISO 8601.
"""

from __future__ import annotations

from typing import Any

from .chart import CLEARING, FIELD_REVENUE

GL_COLUMNS = (
    "line_id", "entry_id", "line_no", "posted_on", "account_code", "debit", "credit", "currency",
    "reference", "counterparty", "description", "source", "prepared_by", "quantity", "rate",
)  # fmt: skip
ERP_COLUMNS = (
    "doc_id", "doc_type", "post_date", "acct_num", "amt", "curr", "ref_no", "partner", "text",
)  # fmt: skip
GATEWAY_COLUMNS = (
    "transaction_id", "type", "payout_id", "gross", "fee", "net", "currency", "captured_at",
    "payout_on",
)  # fmt: skip


def sources() -> dict[str, Any]:
    """The content of sources.json."""
    return {"sources": [_ledger(), _erp(), _camt(), _mt940(), _gateway(), _jobs()]}


def _ledger() -> dict[str, Any]:
    return {
        "code": "gl_extract",
        "name": "General ledger extract",
        "format": "csv",
        "path": "{month}/gl_extract.csv",
        "mapping": {
            "columns": {
                "external_id": "line_id",
                "account": "account_code",
                "booked_on": "posted_on",
                "debit": "debit",
                "credit": "credit",
                "currency": "currency",
                "reference": "reference",
                "counterparty": "counterparty",
                "narrative": "description",
            },
            "attributes": ["entry_id", "line_no", "source", "prepared_by", "quantity", "rate"],
            "is_inverted": True,  # a company's own books: a debit is an inflow
            "encoding": "utf-8",
            "separator": ",",
            "decimal": ".",
            "date_format": "%Y-%m-%d",
        },
    }


def _erp() -> dict[str, Any]:
    return {
        "code": "erp_extract",
        "name": "ERP document register",
        "format": "csv",
        "path": "{month}/erp_extract.csv",
        "mapping": {
            "columns": {
                "external_id": "doc_id",
                "account": "acct_num",
                "booked_on": "post_date",
                "amount": "amt",
                "currency": "curr",
                "reference": "ref_no",
                "counterparty": "partner",
                "narrative": "text",
            },
            "attributes": ["doc_type"],
            "encoding": "utf-8",
            "separator": ";",
            "decimal": ",",
            "date_format": "%d-%m-%Y",
        },
    }


def _camt() -> dict[str, Any]:
    return {
        "code": "bank_statement",
        "name": "Bank statement (camt.053)",
        "format": "camt",
        "path": "{month}/bank_statement.camt053.xml",
        "mapping": None,
    }


def _mt940() -> dict[str, Any]:
    return {
        "code": "bank_statement_mt940",
        "name": "Bank statement (MT940, the same lines)",
        "format": "mt940",
        "path": "{month}/bank_statement.mt940",
        "mapping": None,
    }


def _gateway() -> dict[str, Any]:
    return {
        "code": "gateway_payouts",
        "name": "Payment gateway",
        "format": "csv",
        "path": "{month}/gateway_payouts.csv",
        "mapping": {
            "columns": {
                "external_id": "transaction_id",
                "booked_on": "captured_at",  # an instant: its date is taken as written
                "value_on": "payout_on",
                "amount": "net",
                "currency": "currency",
                "reference": "transaction_id",
            },
            "constants": {"account": CLEARING},
            "attributes": ["type", "payout_id", "gross", "fee"],
            "encoding": "utf-8",
            "separator": ",",
            "decimal": ".",
        },
    }


def _jobs() -> dict[str, Any]:
    return {
        "code": "client_jobs",
        "name": "Client job system",
        "format": "json",
        "path": "{month}/client_jobs.json",
        "mapping": {
            "columns": {
                "external_id": "job_id",
                "booked_on": "performed_on",
                "amount": "amount",
                "currency": "currency",
                "reference": "invoice_reference",
                "counterparty": "client",
                "narrative": "service_type",
            },
            "constants": {"account": FIELD_REVENUE},
            "attributes": ["site", "quantity", "rate"],
            "encoding": "utf-8",
            "decimal": ".",
            "date_format": "%Y-%m-%d",
        },
    }
