"""The report on a stored run, as the person who takes it may see its items."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import polars as pl
from django.db import connection

from apps.common.money import to_ten_thousandths
from apps.identity.models import User
from apps.ingestion.models import Batch, Source
from apps.ingestion.selectors import records_named
from apps.privacy.classification import Classification
from apps.privacy.masking import shown_to
from apps.reconciliation.matching import RuleSet
from apps.reconciliation.models import Break, BreakItem, MatchGroup, Run
from apps.reconciliation.selectors import learned_of, reason_shown, reasons_shown
from apps.reconciliation.states import ReviewStatus, Side
from apps.reporting.documents import (
    PassLine,
    ProofLine,
    ReconciliationReport,
    SideFacts,
    SourceFile,
    settings_of,
)
from apps.reporting.documents.figures import write_date, write_instant
from apps.reporting.errors import ReportTooLong
from apps.reporting.services.configuration import build
from apps.reporting.services.report_lists import (
    PLACE_SCHEMA,
    RECORD_SCHEMA,
    cause_lines,
    matched_list,
    unmatched_list,
)
from apps.reporting.states import ReportKind

MOST_ITEMS: Final = 300_000  # listed items that somebody waits for

# What stands: groups that somebody took back count no more.
_PASSES: Final = """
    SELECT g.pass_name, g.status, count(*),
           sum(cardinality(g.left_ids)), sum(cardinality(g.right_ids))
    FROM reconciliation_matchgroup g
    WHERE g.run_id = %s
      AND NOT EXISTS (SELECT FROM reconciliation_grouprevocation r WHERE r.group_id = g.id)
    GROUP BY g.pass_name, g.status
"""
_GROUPS: Final = {
    "number": pl.Int64(),
    "pass": pl.String(),
    "status": pl.String(),
    "difference": pl.Int64(),
    "difference_currency": pl.String(),
    "reasons": pl.String(),
}
_BREAKS: Final = {
    "number": pl.Int64(),
    "cause": pl.String(),
    "state": pl.String(),
    "difference": pl.Int64(),
    "difference_currency": pl.String(),
    "reason": pl.String(),
    "review": pl.String(),
}


def run_report(
    run: Run, *, kind: ReportKind, actor: User, made_at: datetime
) -> ReconciliationReport:
    """What the run found; names and narratives masked without the right to read them.

    Raises:
        ReportTooLong: more items than are listed while somebody waits.
    """
    rules = RuleSet.from_mapping(run.rule_set.rules)
    passes = _passes(run, rules)
    matched_counts = {
        Side.LEFT: sum(line.left_items for line in passes),
        Side.RIGHT: sum(line.right_items for line in passes),
    }
    breaks = _breaks(run, actor)
    is_full, is_listing = kind == ReportKind.FULL, kind != ReportKind.SUMMARY
    open_count = run.left_count + run.right_count - sum(matched_counts.values())
    listed = open_count * is_listing + sum(matched_counts.values()) * is_full
    if listed > MOST_ITEMS:
        raise ReportTooLong(
            f"The report would list {listed:,} items; up to {MOST_ITEMS:,} are listed at once.",
            items=listed,
        )
    return ReconciliationReport(
        title=kind.label,
        subject=run.match_type.name,
        facts=_facts(run),
        left=_side(run, Side.LEFT, matched_counts),
        right=_side(run, Side.RIGHT, matched_counts),
        proof=tuple(_proof_line(line) for line in run.proof),
        passes=passes,
        causes=cause_lines(breaks),
        rules=settings_of(rules.to_mapping()),
        matched=_matched(run, rules, actor) if is_full else None,
        unmatched=_unmatched(run, rules, breaks, actor) if is_listing else None,
        generator=build(),
        generated_by=str(actor),
        generated_at=made_at,
        identity=run.outcome_digest,
    )


def _facts(run: Run) -> tuple[tuple[str, str], ...]:
    rule_set = run.rule_set
    return (
        ("Entity", f"{run.entity.name} ({run.entity.code})"),
        ("Days", f"{write_date(run.starts_on)} to {write_date(run.ends_on)}"),
        ("Status", run.get_status_display()),
        ("Rules", f"version {rule_set.number}, SHA-256 {rule_set.digest}"),
        *(
            (f"Weights of {each.pass_name}", f"learned by {_told(each.run)}")
            for each in learned_of(run)
        ),
        ("Outcome", f"SHA-256 {run.outcome_digest}"),
    )


def _told(run: Run) -> str:
    """Which run it is, for a reader on paper."""
    return f"run {run.pk}, {write_date(run.starts_on)} to {write_date(run.ends_on)}"


def _proof_line(line: dict[str, str]) -> ProofLine:
    amounts = {
        name: to_ten_thousandths(Decimal(value))
        for name, value in line.items()
        if name != "currency"
    }
    return ProofLine(currency=line["currency"], **amounts)


def _side(run: Run, side: Side, matched_counts: dict[Side, int]) -> SideFacts:
    source, items = _source(run, side), run.left_count if side == Side.LEFT else run.right_count
    batches = (
        Batch.objects.filter(source=source, starts_on__lte=run.ends_on, ends_on__gte=run.starts_on)
        .select_related("imported_by")
        .order_by("id")
    )
    return SideFacts(
        name=source.name,
        items=items,
        matched=matched_counts[side],
        files=tuple(
            SourceFile(
                name=batch.filename,
                lines=batch.line_count,
                rejected=batch.rejected_count,
                sha256=batch.sha256,
                note=f"{write_instant(batch.imported_at)} by {batch.imported_by}",
            )
            for batch in batches
        ),
    )


def _source(run: Run, side: Side) -> Source:
    match_type = run.match_type
    return match_type.left_source if side == Side.LEFT else match_type.right_source


def _passes(run: Run, rules: RuleSet) -> tuple[PassLine, ...]:
    """The passes in the order of the rules, also those that found nothing, then work by hand."""
    with connection.cursor() as cursor:
        cursor.execute(_PASSES, [run.pk])
        found = {(name, status): counts for name, status, *counts in cursor.fetchall()}
    names = [(step.name, step.status) for step in rules.passes]
    names += sorted(set(found) - set(names))
    lines = []
    for name, status in names:
        groups, left, right = found.get((name, status), (0, 0, 0))
        lines.append(
            PassLine(name=name, status=status, groups=groups, left_items=left, right_items=right)
        )
    return tuple(lines)


def _matched(run: Run, rules: RuleSet, actor: User) -> pl.DataFrame:
    places: list[tuple[int, str, int]] = []

    def rows() -> Iterator[tuple[Any, ...]]:
        for group in MatchGroup.objects.filter(run=run).order_by("number").iterator():
            group.run = run  # the reasons are masked for its entity
            places.extend((group.number, side, pk) for side, pk in group.members)
            reasons = "; ".join(reasons_shown(group, actor=actor))
            difference = to_ten_thousandths(group.difference)
            named = (group.number, group.pass_name, group.status)
            yield (*named, difference, group.currency, reasons)

    groups = pl.DataFrame(list(rows()), schema=_GROUPS, orient="row")
    items = pl.DataFrame(places, schema=PLACE_SCHEMA, orient="row")
    return matched_list(groups, items, _records(run, items, rules, actor))


def _breaks(run: Run, actor: User) -> pl.DataFrame:
    rows = [
        (
            broken.number,
            broken.cause,
            broken.state,
            to_ten_thousandths(broken.amount),
            broken.currency,
            reason_shown(broken, actor=actor),
            _review_words(broken),
        )
        for broken in Break.objects.filter(run=run)
        .select_related("run", "review__explained_by", "review__accepted_by")
        .order_by("number")
    ]
    return pl.DataFrame(rows, schema=_BREAKS, orient="row")


def _review_words(broken: Break) -> str:
    """ "Accepted by Rita: comes in May"; nothing of a break that nobody has looked at."""
    review = getattr(broken, "review", None)
    if review is None or review.status == ReviewStatus.OPEN:
        return ""
    person = review.accepted_by or review.explained_by
    said = f": {review.comment}" if review.comment else ""
    return f"{review.get_status_display()} by {person}{said}"


def _unmatched(run: Run, rules: RuleSet, breaks: pl.DataFrame, actor: User) -> pl.DataFrame:
    items = BreakItem.objects.filter(broken__run=run)
    rows = list(items.values_list("broken__number", "side", "record_id"))
    places = pl.DataFrame(rows, schema=PLACE_SCHEMA, orient="row")
    records = _records(run, places, rules, actor)
    return unmatched_list(breaks, places, records, as_of=run.ends_on)


def _records(run: Run, places: pl.DataFrame, rules: RuleSet, actor: User) -> pl.DataFrame:
    """The items named, amounts in the left side's sense (RECORD_SCHEMA)."""
    frames = []
    for side in Side:
        ids = places.filter(pl.col("side") == side)["id"].to_list()
        sign = rules.right_sign if side == Side.RIGHT else 1
        frame = records_named(source_ids=[_source(run, side).pk], record_ids=ids)
        frames.append(
            frame.join(_lines(ids), on="id")
            .with_columns(
                _masked(frame["counterparty"], run, actor),
                _masked(frame["narrative"], run, actor),
                pl.lit(str(side)).alias("side"),
                pl.col("amount") * sign,
            )
            .select(RECORD_SCHEMA.names())
        )
    return pl.concat(frames)


def _lines(ids: Sequence[int]) -> pl.DataFrame:
    """The line of its file for each record."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, line FROM ingestion_record WHERE id = ANY(%s)", [list(ids)])
        rows = cursor.fetchall()
    return pl.DataFrame(rows, schema={"id": pl.Int64(), "row": pl.Int64()}, orient="row")


def _masked(values: pl.Series, run: Run, actor: User) -> pl.Series:
    """Names and narratives as the actor may see them, each distinct one asked once."""
    entity_id = run.entity_id
    distinct = values.unique().to_list()
    shown = [
        shown_to(actor, value, Classification.CONFIDENTIAL, entity_id=entity_id)
        for value in distinct
    ]
    return values.replace_strict(distinct, shown, return_dtype=pl.String)
