"""The report on a reconciliation as a PDF: figures and proof, causes, the open items, the rules."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl
from reportlab.platypus import Flowable, Spacer

from .content import Figure
from .figures import write_amount, write_count, write_instant
from .pages import Heading, Metadata, Running, build_pdf
from .reconciliation import SUGGESTED, ReconciliationReport, SideFacts, money_of, words_of
from .sections.blocks import counted, facts, heading, ledger, prose
from .sections.cover import FigureRow
from .tables import Column

MOST_BREAK_ROWS = 20_000
MOST_MATCH_ROWS = 500  # of matches that are worth a look; the workbook has all

_PROOF_COLUMNS = (Column("", 330), Column("Amount", 140, "right"), Column("Cur.", 29))
_PASS_COLUMNS = (
    Column("Pass", 239),
    Column("Status", 65),
    Column("Matches", 65, "right"),
    Column("Left items", 65, "right"),
    Column("Right items", 65, "right"),
)
_CAUSE_COLUMNS = (
    Column("Cause", 200),
    Column("Breaks", 60, "right"),
    Column("Left less right", 105, "right"),
    Column("Without signs", 105, "right"),
    Column("Cur.", 29),
)
_BREAK_COLUMNS = (
    Column("Break", 38, "right"),
    Column("Side", 26),
    Column("Line", 41, "right"),
    Column("Booked", 49),
    Column("Reference", 70),
    Column("Amount", 66, "right"),
    Column("Cur.", 25),
    Column("Cause", 56),
    Column("Why", 128),
)
_MATCH_COLUMNS = (
    Column("Match", 38, "right"),
    Column("Side", 26),
    Column("Line", 41, "right"),
    Column("Booked", 49),
    Column("Reference", 70),
    Column("Amount", 66, "right"),
    Column("Cur.", 25),
    Column("Pass", 56),
    Column("Why", 128),
)
_RULE_COLUMNS = (Column("Setting", 190), Column("Value", 309))


def render_reconciliation_pdf(report: ReconciliationReport) -> bytes:
    """The report as a PDF; the same report gives the same bytes.

    Raises:
        InstantWithoutZone: ``generated_at`` is naive.
        CurrencyUnknown: an amount's currency is not in ISO 4217.
    """
    story = [*_head(report), *_proof(report), *_totals(report)]
    if report.unmatched is not None:
        story += _breaks(report.unmatched)
    if report.matched is not None:
        story += _matches(report.matched)
    story += [*_rules(report), *_sources(report)]
    return build_pdf(
        story,
        running=Running(
            left=f"{report.title}  ·  {report.subject}",
            right=f"Outcome {report.identity[:16]}…",
            foot=report.generator,
        ),
        metadata=Metadata(
            title=f"{report.title}: {report.subject}",
            author=report.generated_by,
            subject=report.subject,
            keywords="",
            creator=report.generator,
            identity=report.identity,
            created_at=report.generated_at,
        ),
    )


def _head(report: ReconciliationReport) -> list[Flowable]:
    items = report.left.items + report.right.items
    figures = (
        Figure("Matched", f"{report.match_rate * 100:.2f}%"),
        Figure("Items", write_count(items)),
        Figure("Matches", write_count(sum(line.groups for line in report.passes))),
        Figure("Breaks", write_count(report.break_count)),
        Figure("Proof", "Proved" if report.is_proved else "NOT PROVED"),
    )
    generated = f"{write_instant(report.generated_at)} by {report.generated_by}"
    return [
        Heading("", report.title, 1),
        *facts((("Reconciliation", report.subject), *report.facts, ("Generated", generated))),
        Spacer(0, 4),
        FigureRow(figures),
    ]


def _proof(report: ReconciliationReport) -> list[Flowable]:
    story = heading("", "Proof")
    if not report.proof:
        return [*story, *prose("There was nothing to compare.")]
    for line in report.proof:
        lines = (
            (report.left.name, line.left_total),
            (f"less {report.right.name}", line.right_total),
            ("less breaks on the left", line.open_left),
            ("plus breaks on the right", line.open_right),
            ("less differences inside matches", line.differences),
            *((("less what was exchanged", line.exchanged),) if line.exchanged else ()),
        )
        rows = [(label, *_amount(units, line.currency)) for label, units in lines]
        total = ("What nothing explains", *_amount(line.proof_amount, line.currency))
        story += ledger(_PROOF_COLUMNS, rows, totals=[total])
    return story


def _totals(report: ReconciliationReport) -> list[Flowable]:
    story = heading("", "Matches by pass")
    story += ledger(
        _PASS_COLUMNS,
        [
            (
                line.name,
                words_of(line.status),
                *map(write_count, (line.groups, line.left_items, line.right_items)),
            )
            for line in report.passes
        ],
    )
    story += heading("", "Breaks by cause")
    if not report.causes:
        return [*story, *prose("No breaks: both sides agree.")]
    rows = [
        (
            words_of(line.cause),
            write_count(line.breaks),
            _amount(line.net, line.currency)[0],
            *_amount(line.gross, line.currency),
        )
        for line in report.causes
    ]
    return [*story, *ledger(_CAUSE_COLUMNS, rows)]


def _breaks(unmatched: pl.DataFrame) -> list[Flowable]:
    story = heading("", "Unmatched items")
    if unmatched.is_empty():
        return [*story, *prose("There are none.")]
    cause = pl.col("cause").str.replace_all("_", " ")
    label = cause.str.head(1).str.to_uppercase() + cause.str.slice(1)
    why = pl.concat_str(
        "reason",
        pl.when(pl.col("review") != "").then(pl.lit(". ") + pl.col("review")).otherwise(pl.lit("")),
    )
    story += ledger(_BREAK_COLUMNS, _rows(unmatched.head(MOST_BREAK_ROWS), label, why))
    return [*story, *_left_out(unmatched.height - MOST_BREAK_ROWS)]


def _matches(matched: pl.DataFrame) -> list[Flowable]:
    """Matches that wait for a person or whose sides differ; the others agree in everything."""
    worth_a_look = matched.filter((pl.col("status") == SUGGESTED) | (pl.col("difference") != 0))
    agreeing = matched.height - worth_a_look.height
    story = heading("", "Matches that are worth a look")
    story += prose(
        f"{counted(agreeing, 'matched item agrees', 'matched items agree')} in amount, matched"
        " automatically; the workbook lists them."
    )
    if worth_a_look.is_empty():
        return story
    shown = worth_a_look.head(MOST_MATCH_ROWS)
    story += ledger(_MATCH_COLUMNS, _rows(shown, pl.col("pass"), pl.col("reasons")))
    return [*story, *_left_out(worth_a_look.height - MOST_MATCH_ROWS)]


def _rows(frame: pl.DataFrame, label: pl.Expr, why: pl.Expr) -> Iterable[tuple[str, ...]]:
    listed = frame.select(
        "number",
        "side",
        "row",
        pl.col("booked_on").cast(pl.String),
        "reference",
        "amount",
        "currency",
        label.alias("label"),
        why.alias("why"),
    )
    for number, side, row, day, reference, units, currency, name, reason in listed.iter_rows():
        amount = _amount(units, currency)
        yield (write_count(number), side, write_count(row), day, reference, *amount, name, reason)


def _left_out(count: int) -> list[Flowable]:
    if count <= 0:
        return []
    return prose(f"{counted(count, 'more item is', 'more items are')} listed in the workbook.")


def _rules(report: ReconciliationReport) -> list[Flowable]:
    return [*heading("", "Rules"), *ledger(_RULE_COLUMNS, report.rules)]


def _sources(report: ReconciliationReport) -> list[Flowable]:
    story = heading("", "Sources")
    for side, source in (("Left", report.left), ("Right", report.right)):
        story += facts([(side, source.name), ("Items", _items(source))])
        for each in source.files:
            lines = f"{counted(each.lines, 'line', 'lines')}, {each.rejected:,} rejected"
            story += facts(
                [
                    ("File", each.name),
                    ("Lines", lines),
                    ("SHA-256", each.sha256),
                    ("Brought in", each.note),
                ]
            )
    return story


def _items(source: SideFacts) -> str:
    return f"{source.items:,}, {source.matched:,} of them matched"


def _amount(units: int, currency: str) -> tuple[str, str]:
    return write_amount(money_of(units, currency)), currency
