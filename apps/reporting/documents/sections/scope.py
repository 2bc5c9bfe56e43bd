"""Sections 2 to 5: controls, population, information produced by the entity, sample."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from itertools import groupby

from reportlab.platypus import Flowable

from ..content import Control, DataSource, Population, PopulationLine, RollForwardLine, Sample
from ..figures import Money, write_amount, write_count, write_instant
from ..tables import Column
from .blocks import answer, counted, digests, facts, ledger, prose, subheading


def controls_story(controls: Sequence[Control]) -> list[Flowable]:
    """Section 2: each control with what it is for and what came of it."""
    key = sum(control.is_key for control in controls)
    story = answer(f"{counted(len(controls), 'control', 'controls')}, {key:,} of them key.")
    for number, control in enumerate(controls, start=1):
        story += subheading(f"2.{number}", f"{control.identifier}  {control.name}")
        story += facts(
            [
                ("Control", f"{control.identifier}, {control.name}"),
                ("Objective", control.objective),
                ("Risk", control.risk),
                ("Assertions", ", ".join(control.assertions)),
                ("COSO principle", control.coso_principle),
                ("Type", f"{control.nature}, {control.automation}"),
                ("Key control", "yes" if control.is_key else "no"),
                ("Frequency", control.frequency),
                ("Owner", control.owner),
                ("Version in force", control.version),
                ("Result", control.result),
            ]
        )
    return story


_POPULATION_COLUMNS = (
    Column("Population", 116),
    Column("Lines", 46, "right"),
    Column("Debits", 84, "right"),
    Column("Credits", 84, "right"),
    Column("Cur.", 27),
    Column("First", 56),
    Column("Last", 56),
    Column("Gaps", 30, "right"),
)
_ROLL_COLUMNS = (
    Column("Account", 117),
    Column("Opening", 80, "right"),
    Column("Debits", 80, "right"),
    Column("Credits", 80, "right"),
    Column("Closing", 80, "right"),
    Column("Difference", 62, "right"),
)


def population_story(population: Population) -> list[Flowable]:
    """Section 3: what the control ran over, and whether it is complete."""
    lines, accounts = population.lines, population.roll_forward
    gaps = sum(len(line.gaps) for line in lines)
    summary = (
        f"{counted(len(lines), 'population', 'populations')}, "
        f"{counted(sum(line.count for line in lines), 'line', 'lines')}, "
        f"{counted(gaps, 'gap', 'gaps') if gaps else 'no gap'} in the numbering. "
        f"{_agreement(accounts)}"
    )
    story = [*answer(summary), *prose(population.definition)]
    story += ledger(_POPULATION_COLUMNS, map(_population_row, lines))
    story += _gaps(lines)
    return story + _roll_forward(accounts)


def _agreement(accounts: Sequence[RollForwardLine]) -> str:
    if not accounts:
        return "No balance is rolled forward."
    agreeing = sum(not line.difference for line in accounts)
    return f"{agreeing:,} of {counted(len(accounts), 'balance rolls', 'balances roll')} forward."


def _population_row(line: PopulationLine) -> list[str]:
    return [
        line.name,
        write_count(line.count),
        write_amount(line.debits),
        write_amount(line.credits),
        line.debits.currency,
        line.first_id,
        line.last_id,
        write_count(len(line.gaps)),
    ]


def _gaps(lines: Sequence[PopulationLine]) -> list[Flowable]:
    with_gaps = [(line.name, ", ".join(line.gaps)) for line in lines if line.gaps]
    if not with_gaps:
        return []
    return [*prose("Numbers missing between first and last:"), *facts(with_gaps)]


def _roll_forward(accounts: Sequence[RollForwardLine]) -> list[Flowable]:
    """One table per entity and currency: opening + debits − credits = closing."""
    story: list[Flowable] = []

    def scope(line: RollForwardLine) -> tuple[str, str]:
        return line.entity, line.currency

    groups = groupby(sorted(accounts, key=scope), key=scope)
    for number, ((entity, currency), group) in enumerate(groups, start=1):
        lines = list(group)
        story += subheading(f"3.{number}", f"Roll-forward of {entity}, {currency}")
        story += prose("Opening balance plus debits less credits, against the closing balance.")
        story += ledger(_ROLL_COLUMNS, map(_roll_row, lines), totals=[_roll_total(lines, currency)])
    return story


def _roll_row(line: RollForwardLine) -> list[str]:
    amounts = (line.opening, line.debits, line.credits, line.closing, line.difference)
    return [line.account, *(write_amount(Money(amount, line.currency)) for amount in amounts)]


def _roll_total(lines: Sequence[RollForwardLine], currency: str) -> list[str]:
    columns = zip(
        *(
            (line.opening, line.debits, line.credits, line.closing, line.difference)
            for line in lines
        ),
        strict=True,
    )
    sums = (sum(column, Decimal(0)) for column in columns)
    return ["Total", *(write_amount(Money(amount, currency)) for amount in sums)]


_SOURCE_COLUMNS = (
    Column("Report", 158),
    Column("System", 97),
    Column("Rows", 56, "right"),
    Column("Rejected", 48, "right"),
    Column("Control total", 113, "right"),
    Column("Cur.", 27),
)


def sources_story(sources: Sequence[DataSource]) -> list[Flowable]:
    """Section 4: each report that the control relies on, how it was drawn and its totals."""
    rows = sum(source.row_count for source in sources)
    rejected = sum(source.rejected_count for source in sources)
    story = answer(
        f"{counted(len(sources), 'report', 'reports')}, {counted(rows, 'row', 'rows')} taken in, "
        f"{rejected:,} rejected. Query texts and parameters are in the appendix."
    )
    story += ledger(_SOURCE_COLUMNS, [row for source in sources for row in _source_rows(source)])
    for number, source in enumerate(sources, start=1):
        story += _source(f"4.{number}", source)
    return story


def _source_rows(source: DataSource) -> list[list[str]]:
    """One row, and one more for each further currency."""
    totals = [(write_amount(total), total.currency) for total in source.control_totals]
    (amount, currency), *others = totals or [("", "")]
    head = [f"{source.report}, {source.version}", source.system]
    counts = [write_count(source.row_count), write_count(source.rejected_count)]
    further = [["", "", "", "", amount, currency] for amount, currency in others]
    return [[*head, *counts, amount, currency], *further]


def _source(number: str, source: DataSource) -> list[Flowable]:
    return [
        *subheading(number, source.report),
        *facts(
            [
                ("System", source.system),
                ("Report version", source.version),
                ("Filters", source.filters or "none"),
                ("Run by", source.run_by),
                ("Run", write_instant(source.run_at)),
                ("Snapshot", source.snapshot),
            ]
        )[:1],
        *digests(
            [("Query SHA-256", source.query_sha256), ("Content SHA-256", source.content_sha256)]
        ),
    ]


_SAMPLE_COLUMNS = (
    Column("Reference", 90),
    Column("Description", 199),
    Column("Amount", 93, "right"),
    Column("Cur.", 27),
    Column("Result", 90),
)


def sample_story(sample: Sample) -> list[Flowable]:
    """Section 5: how items were drawn, and what came of each."""
    results = Counter(item.result for item in sample.items)
    outcome = ", ".join(f"{count:,} {result}" for result, count in results.most_common())
    story = answer(
        f"{len(sample.items):,} of {counted(sample.population_count, 'item', 'items')} examined: "
        f"{outcome}."
    )
    story += facts(
        [
            ("Method", sample.method),
            ("Seed", sample.seed),
            ("Size", sample.size_rationale),
        ]
    )
    return story + ledger(
        _SAMPLE_COLUMNS,
        [
            [
                item.reference,
                item.description,
                write_amount(item.amount),
                item.amount.currency,
                item.result,
            ]
            for item in sample.items
        ],
    )
