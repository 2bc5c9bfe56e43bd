"""`bin/finflow reconcile`: two plain files against each other; no set-up, nothing stored."""

from __future__ import annotations

import os
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TypeAlias

import polars as pl
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from apps.common.errors import Invalid, Malformed
from apps.ingestion.formats import FORMATS
from apps.operations.management.reporting import ReportCommand, content_of, object_in
from apps.reconciliation.matching import RuleSet, Step, Watch
from apps.reporting.documents import render_workbook
from apps.reporting.errors import ReportNotWritten
from apps.reporting.services.file_outcome import (
    breaks_frame,
    groups_frame,
    outcome_json,
    proof_text,
)
from apps.reporting.services.file_report import file_report
from apps.reporting.services.plain_files import (
    FileItems,
    last_day,
    read_items,
    read_rule_set,
    reconcile_items,
)

Tell: TypeAlias = Callable[[str], None]  # tells that the next step has begun

SIDES = ("left", "right")
_OTHER_STEPS = 4  # reading twice, explaining, writing
_SHOWN_BREAKS = 20
_SHOWN_ROWS = 5
_SIDE_KEYS = ("format", "mapping")


class Command(ReportCommand):
    help = "Reconcile two plain files by a file of rules. Nothing is stored."
    requires_system_checks = ()  # no part of the site is used

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        for side in SIDES:
            parser.add_argument(
                f"--{side}", metavar="FILE", required=True, help=f"the file of the {side} side"
            )
        parser.add_argument(
            "--rules", metavar="FILE", required=True, help="JSON file with the rule set"
        )
        for side in SIDES:
            parser.add_argument(
                f"--{side}-format",
                metavar="FORMAT",
                choices=[known.name for known in FORMATS],
                help=f"format of the {side} file; recognised from the content if left out",
            )
            parser.add_argument(
                f"--{side}-mapping",
                metavar="FILE",
                help=f"JSON file with the field mapping of the {side} table",
            )
        parser.add_argument(
            "--as-of",
            metavar="DAY",
            help="the day on which ages are counted; the last booking date if left out",
        )
        parser.add_argument(
            "--report", metavar="FILE", help="also write the report: a workbook, NAME.xlsx"
        )
        parser.add_argument(
            "--skip-rejected",
            action="store_true",
            help="leave lines out that cannot be read, instead of refusing their file",
        )

    def report(self, **options: Any) -> dict[str, Any]:
        started = time.perf_counter()
        as_of = _day(options["as_of"])
        _require_workbook(options["report"])
        rules = object_in(options["rules"], field="rules")
        ways = {side: _way(side, rules.pop(side, {}), options) for side in SIDES}
        rule_set = read_rule_set(rules)
        with _progress(len(rule_set.passes) + _OTHER_STEPS) as tell:
            left, right = (_read(side, ways[side], options, tell) for side in SIDES)
            as_of = as_of or last_day(left, right)
            watch = _told(rule_set, tell)
            outcome = reconcile_items(left, right, rule_set, as_of=as_of, watch=watch)
            seconds = time.perf_counter() - started
            if path := options["report"]:
                tell(f"Writing {Path(path).name}")
                report = file_report(
                    left, right, outcome, rule_set, as_of=as_of, made_at=datetime.now(UTC)
                )
                _write(Path(path), render_workbook(report))
        for note in left.notes + right.notes:
            self.stderr.write(note)
        return {
            "left_rows": left.items.height,
            "right_rows": right.items.height,
            "outcome": outcome,
            "seconds": seconds,
        }

    def as_json(self, report: dict[str, Any]) -> str:
        return outcome_json(**report)

    def show(self, report: dict[str, Any], console: Console) -> None:
        outcome = report["outcome"]
        groups, breaks = groups_frame(outcome), breaks_frame(outcome)
        console.print(
            f"{report['left_rows']:,} rows on the left, {report['right_rows']:,} on the right,"
            f" {report['seconds']:.1f} s."
        )
        console.print(_passes(groups))
        if breaks.height:
            console.print(_causes(breaks))
            console.print(_open(breaks.head(_SHOWN_BREAKS)))
        if breaks.height > _SHOWN_BREAKS:
            console.print(f"{breaks.height - _SHOWN_BREAKS:,} more breaks; --json lists all.")
        console.print(f"What nothing explains (proof): {proof_text(outcome)}")


@contextmanager
def _progress(steps: int) -> Iterator[Tell]:
    """A bar on a terminal; elsewhere nothing."""
    console = Console(stderr=True)
    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with bar:
        task = bar.add_task("", total=steps, completed=-1)
        yield lambda words: bar.update(task, description=words, advance=1, refresh=True)


def _told(rule_set: RuleSet, tell: Tell) -> Watch:
    """The steps of the kernel in words."""
    names = [step.name for step in rule_set.passes]

    def told(step: Step) -> None:
        number = step.pass_number
        doing = f"Pass {number} of {len(names)}, {names[number - 1]}" if number else "Explaining"
        tell(f"{doing}: {step.open_count:,} rows open")

    return told


def _read(side: str, way: Mapping[str, Any], options: Mapping[str, Any], tell: Tell) -> FileItems:
    path = options[side]
    name = Path(path).name
    tell(f"Reading {name}")
    return read_items(
        content_of(path),
        name=name,
        format_name=way.get("format"),
        mapping=way.get("mapping"),
        skips_rejected=options["skip_rejected"],
    )


def _way(side: str, stated: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    """How a side's file is read: by what the rules file says of it, and options before that.

    Raises:
        Invalid: the rules file says something else than a format and a mapping.
    """
    if not isinstance(stated, dict):
        raise Invalid(f"{side}: must be an object with format and mapping.", field=side)
    for key, value in stated.items():
        kind, words = (str, "a text") if key == "format" else (dict, "an object")
        if key not in _SIDE_KEYS:
            raise Invalid(f"{side}.{key}: is not one of format, mapping.", field=f"{side}.{key}")
        if not isinstance(value, kind):
            raise Invalid(f"{side}.{key}: must be {words}.", field=f"{side}.{key}")
    given = dict(stated)
    if options[f"{side}_format"]:
        given["format"] = options[f"{side}_format"]
    if options[f"{side}_mapping"]:
        given["mapping"] = object_in(options[f"{side}_mapping"], field=f"{side}_mapping")
    return given


def _require_workbook(path: str | None) -> None:
    """Refuse, before any work, a report that could not be written.

    Raises:
        ReportNotWritten: it is not called .xlsx, or its folder does not exist.
    """
    if not path:
        return
    if Path(path).suffix.lower() != ".xlsx":
        raise ReportNotWritten("The report is a workbook.", remedy="Call it NAME.xlsx.")
    if not Path(path).parent.is_dir():
        raise ReportNotWritten(f"{Path(path).parent} is not a folder.")


def _write(path: Path, content: bytes) -> None:
    """Put the whole file in its place, or nothing.

    Raises:
        ReportNotWritten: the folder does not take it.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_bytes(content)
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise ReportNotWritten(f"{path} cannot be written: {error.strerror}.") from None


def _day(text: str | None) -> date | None:
    """The day that a text names.

    Raises:
        Malformed: it names none.
    """
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise Malformed("--as-of is a day such as 2026-01-31.", field="as_of") from None


def _passes(groups: pl.DataFrame) -> Table:
    table = _table("Match groups", ("Pass", "Status"), ("Groups", "Left rows", "Right rows"))
    sums = groups.group_by("pass", "status", maintain_order=True).agg(
        pl.len(), *(pl.col(side).list.len().cast(pl.Int64).sum() for side in SIDES)
    )
    for name, status, *counts in sums.iter_rows():
        table.add_row(Text(name), status, *(f"{count:,}" for count in counts))
    return table


def _causes(breaks: pl.DataFrame) -> Table:
    table = _table("Breaks by cause", ("Cause",), ("Breaks", "Left rows", "Right rows"))
    sums = (
        breaks.group_by("cause")
        .agg(pl.len(), *(pl.col(side).list.len().cast(pl.Int64).sum() for side in SIDES))
        .sort("len", "cause", descending=[True, False])
    )
    for cause, *counts in sums.iter_rows():
        table.add_row(cause.replace("_", " "), *(f"{count:,}" for count in counts))
    return table


def _open(breaks: pl.DataFrame) -> Table:
    table = _table("Breaks", ("Left rows", "Right rows", "Cause"), ("Amount",), ("Reason",))
    for _, left, right, cause, amount, reason in breaks.iter_rows():
        named = (_named(left), _named(right), cause.replace("_", " "))
        table.add_row(*named, amount, Text(reason))
    return table


def _named(rows: list[int]) -> str:
    shown = ", ".join(str(row) for row in rows[:_SHOWN_ROWS])
    rest = len(rows) - _SHOWN_ROWS
    return f"{shown} and {rest} more" if rest > 0 else shown


def _table(
    title: str, texts: tuple[str, ...], numbers: tuple[str, ...], last: tuple[str, ...] = ()
) -> Table:
    table = Table(title=title, title_justify="left")
    for heading in texts:
        table.add_column(heading)
    for heading in numbers:
        table.add_column(heading, justify="right")
    for heading in last:
        table.add_column(heading)
    return table
