"""The report on two plain files."""

from __future__ import annotations

import hashlib
from datetime import date, datetime

import polars as pl

from apps.reconciliation.matching import Outcome, RuleSet
from apps.reporting.documents import (
    PassLine,
    ProofLine,
    ReconciliationReport,
    SideFacts,
    SourceFile,
    settings_of,
)
from apps.reporting.services.configuration import build
from apps.reporting.services.plain_files import FileItems
from apps.reporting.services.report_lists import (
    RECORD_SCHEMA,
    cause_lines,
    matched_list,
    unmatched_list,
)
from apps.reporting.states import ReportKind


def file_report(
    left: FileItems,
    right: FileItems,
    outcome: Outcome,
    rules: RuleSet,
    *,
    as_of: date,
    made_at: datetime,
) -> ReconciliationReport:
    """Everything there is to tell of the comparison of two files."""
    breaks = _breaks(outcome)
    records = pl.concat([_records(left, "left", 1), _records(right, "right", rules.right_sign)])
    matched = matched_list(_groups(outcome), _places(outcome.items, "group_no"), records)
    return ReconciliationReport(
        title=ReportKind.FULL.label,
        subject=f"{left.name} against {right.name}",
        facts=(
            ("As of", as_of.isoformat()),
            ("Rules", f"version {rules.version}, SHA-256 {rules.digest}"),
        ),
        left=_side(left, matched, "left"),
        right=_side(right, matched, "right"),
        proof=tuple(ProofLine(**row) for row in outcome.proof.iter_rows(named=True)),
        passes=_passes(rules, matched),
        causes=cause_lines(breaks),
        rules=settings_of(rules.to_mapping()),
        matched=matched,
        unmatched=unmatched_list(
            breaks, _places(outcome.break_items, "break_no"), records, as_of=as_of
        ),
        generator=build(),
        generated_by="bin/finflow reconcile",
        generated_at=made_at,
        identity=hashlib.sha256((rules.digest + left.sha256 + right.sha256).encode()).hexdigest(),
    )


def _groups(outcome: Outcome) -> pl.DataFrame:
    """The match groups in the shape of the lists."""
    return outcome.groups.select(
        pl.col("group_no").alias("number"),
        pl.col("pass_name").alias("pass"),
        "status",
        "difference",
        pl.col("currency").alias("difference_currency"),
        pl.col("reasons").str.json_decode(pl.List(pl.String)).list.join("; "),
    )


def _breaks(outcome: Outcome) -> pl.DataFrame:
    """The breaks in the shape of the lists; nobody reviewed them."""
    return outcome.breaks.select(
        pl.col("break_no").alias("number"),
        "cause",
        "state",
        pl.col("amount").alias("difference"),
        pl.col("currency").alias("difference_currency"),
        "reason",
        pl.lit("").alias("review"),
    )


def _records(side: FileItems, name: str, sign: int) -> pl.DataFrame:
    return side.items.with_columns(
        pl.lit(name).alias("side"), pl.col("id").alias("row"), pl.col("amount") * sign
    ).select(RECORD_SCHEMA.names())


def _places(items: pl.DataFrame, number: str) -> pl.DataFrame:
    return items.select(
        pl.col(number).alias("number"),
        pl.col("side").cast(pl.String),
        pl.col("item_id").alias("id"),
    )


def _side(side: FileItems, matched: pl.DataFrame, name: str) -> SideFacts:
    return SideFacts(
        name=side.name,
        items=side.items.height,
        matched=matched.filter(pl.col("side") == name).height,
        files=(
            SourceFile(
                name=side.name,
                lines=side.items.height,
                rejected=side.skipped_count,
                sha256=side.sha256,
            ),
        ),
    )


def _passes(rules: RuleSet, matched: pl.DataFrame) -> tuple[PassLine, ...]:
    """The passes in the order of the rules, also those that found nothing."""
    lines = []
    for step in rules.passes:
        found = matched.filter(pl.col("pass") == step.name)
        left = found.filter(pl.col("side") == "left").height
        lines.append(
            PassLine(
                name=step.name,
                status=step.status,
                groups=found["number"].n_unique(),
                left_items=left,
                right_items=found.height - left,
            )
        )
    return tuple(lines)
