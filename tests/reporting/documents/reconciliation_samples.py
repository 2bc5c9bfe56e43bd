"""A report on a reconciliation with everything that it can hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from apps.reporting.documents import (
    MATCHED_SCHEMA,
    UNMATCHED_SCHEMA,
    CauseLine,
    PassLine,
    ProofLine,
    ReconciliationReport,
    SideFacts,
    SourceFile,
)

MADE_AT = datetime(2023, 5, 2, 14, 3, 7, tzinfo=UTC)
DAY = date(2023, 4, 28)


def matched_row(**given: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "number": 1,
        "side": "left",
        "row": 2,
        "booked_on": DAY,
        "reference": "INV-1",
        "counterparty": "Anna Aalto",
        "narrative": "Invoice 1",
        "amount": 1_000_000,
        "currency": "EUR",
        "pass": "Reference",
        "status": "automatic",
        "difference": 0,
        "difference_currency": "EUR",
        "reasons": "reference equal: INV-1; amount equal",
    }
    return row | given


def unmatched_row(**given: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "number": 1,
        "side": "left",
        "row": 3,
        "booked_on": DAY,
        "age_days": 2,
        "reference": "INV-7",
        "counterparty": "Bert Berg",
        "narrative": "Invoice 7",
        "amount": 2_500_000,
        "currency": "EUR",
        "cause": "missing_right",
        "state": "missing",
        "difference": 2_500_000,
        "difference_currency": "EUR",
        "reason": "no counterpart on the right for INV-7 of 250.00 EUR",
        "review": "",
    }
    return row | given


def matched(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=MATCHED_SCHEMA, orient="row")


def unmatched(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=UNMATCHED_SCHEMA, orient="row")


def sample(**given: Any) -> ReconciliationReport:
    report = ReconciliationReport(
        title="Reconciliation report",
        subject="Bank against ledger",
        facts=(("Entity", "Harbour Field Services (HFS)"), ("Days", "1 to 30 April 2023")),
        left=SideFacts(
            name="Main bank",
            items=4,
            matched=2,
            files=(SourceFile(name="april.sta", lines=4, rejected=0, sha256="a" * 64),),
        ),
        right=SideFacts(
            name="General ledger",
            items=3,
            matched=2,
            files=(
                SourceFile(
                    name="ledger.csv",
                    lines=3,
                    rejected=1,
                    sha256="b" * 64,
                    note="2 May 2023 by Alice",
                ),
            ),
        ),
        proof=(
            ProofLine(
                currency="EUR",
                left_total=3_999_900,
                right_total=1_120_000,
                open_left=3_000_000,
                open_right=120_000,
                differences=-100,
                proof_amount=0,
            ),
        ),
        passes=(
            PassLine(name="Reference", status="automatic", groups=1, left_items=1, right_items=1),
            PassLine(name="Nearly", status="suggested", groups=1, left_items=1, right_items=1),
        ),
        causes=(
            CauseLine(
                cause="missing_right", currency="EUR", breaks=1, net=2_500_000, gross=2_500_000
            ),
            CauseLine(cause="timing", currency="EUR", breaks=2, net=380_000, gross=620_000),
        ),
        rules=(("version", "1"), ("passes[0].name", "Reference"), ("passes[0].keys", "reference")),
        matched=matched(
            matched_row(),
            matched_row(side="right", row=5),
            matched_row(number=2, row=4, amount=-100, status="suggested", difference=-100),
            matched_row(
                number=2, side="right", row=1, amount=0, status="suggested", difference=-100
            ),
        ),
        unmatched=unmatched(
            unmatched_row(),
            unmatched_row(number=2, state="awaited", cause="timing", amount=500_000, row=6),
            unmatched_row(
                number=3,
                side="right",
                state="awaited",
                cause="timing",
                amount=120_000,
                review="Accepted by Rita: comes in May",
            ),
        ),
        generator="FinFlow 0.1.0",
        generated_by="Connie",
        generated_at=MADE_AT,
        identity="c" * 64,
    )
    return replace(report, **given)
