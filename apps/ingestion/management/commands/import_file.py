"""`bin/finflow import_file`: bring a file into the books, or look at what it says."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from apps.common.errors import Invalid
from apps.common.money import from_ten_thousandths, plain
from apps.identity.models import Entity
from apps.identity.selectors import system_user
from apps.ingestion.formats import (
    FORMATS,
    FieldMapping,
    FileRefused,
    Reading,
    Statement,
    is_by_entry,
    read,
)
from apps.ingestion.models import Source
from apps.ingestion.selectors import imports_under_way, source_named
from apps.ingestion.services import (
    ImportOutcome,
    change_mapping,
    import_file,
    source_of_file,
)
from apps.ingestion.states import ImportPhase
from apps.operations.management.commands.up import bring_database_up_to_date
from apps.operations.management.progress import shown_while
from apps.operations.management.reporting import ReportCommand, content_of, object_in

_SHOWN_REJECTED = 20
_COUNTED = (
    "Entries of this file share lines of text: they are counted, so that line 2 is the second."
)


class EntityUnclear(Invalid):
    """It is not clear into whose books the file goes."""

    code = "ENTITY_UNCLEAR"
    remedy = (
        "Name it with --entity CODE, make one with bin/finflow add_administrator, or look at the"
        " file alone with --dry-run."
    )


class Command(ReportCommand):
    help = "Import a file of transactions, or with --dry-run only tell what is in it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", help="the file")
        parser.add_argument(
            "--format",
            choices=[known.name for known in FORMATS],
            help="its format; recognised from the content if left out",
        )
        parser.add_argument("--mapping", help="JSON file with the field mapping of a table")
        parser.add_argument("--dry-run", action="store_true", help="store nothing")
        parser.add_argument("--entity", help="code of the entity; the only one if left out")
        parser.add_argument(
            "--source", help="code of the source; found by account or file name if left out"
        )

    def report(self, **options: Any) -> dict[str, Any]:
        content = content_of(options["file"])
        mapping = object_in(options["mapping"], field="mapping") if options["mapping"] else {}
        name = Path(options["file"]).name
        named = _named_source(options)
        reading = read(
            content,
            filename=name,
            format=options["format"] or (named.format if named else "") or None,
            mapping=_field_mapping(mapping or (named.mapping if named else {})),
        )
        if not options["dry_run"]:
            bring_database_up_to_date()
            source = _source_of(reading, name, mapping, options)
            self.stderr.write(_told(_import(source, name, content)))
        if reading.rejected and is_by_entry(reading.conventions):
            self.stderr.write(_COUNTED)
        return document(reading)

    def show(self, report: dict[str, Any], console: Console) -> None:
        statements = Table(title=f"Format: {report['format']}", title_justify="left")
        for heading in ("Account", "Currency"):
            statements.add_column(heading)
        for heading in ("Lines", "Total", "Opening", "Closing", "Difference"):
            statements.add_column(heading, justify="right")
        statements.add_column("Ties")
        for each in report["statements"]:
            statements.add_row(*(_shown(each[key]) for key in each))
        console.print(statements)
        rejected = report["rejected"]
        for each in rejected[:_SHOWN_REJECTED]:
            console.print(f"Line {each['line']}, {each['field'] or 'the line'}: {each['reason']}")
        if len(rejected) > _SHOWN_REJECTED:
            console.print(f"{len(rejected) - _SHOWN_REJECTED} more lines were rejected.")


def document(reading: Reading) -> dict[str, Any]:
    """The reading for scripts: amounts as text with the currency's decimals, lines from 1."""
    return {
        "format": reading.format,
        "statements": [_statement(each) for each in reading.statements],
        "rejected": [
            {"line": each.line, "field": each.field, "reason": each.reason}
            for each in reading.rejected
        ],
    }


def _statement(statement: Statement) -> dict[str, Any]:
    def money(units: int | None) -> str | None:
        if units is None:
            return None
        return plain(from_ten_thousandths(units), statement.currency)

    return {
        "account": statement.account,
        "currency": statement.currency,
        "lines": statement.line_count,
        "total": money(statement.total),
        "opening": money(statement.opening),
        "closing": money(statement.closing),
        "difference": money(statement.difference),
        "ties": statement.ties,
    }


def _shown(value: Any) -> str:
    words = {None: "unknown", True: "yes", False: "NO"}
    return words[value] if value is None or isinstance(value, bool) else str(value)


def _field_mapping(mapping: dict[str, Any]) -> FieldMapping | None:
    return FieldMapping.from_dict(mapping) if mapping else None


def _named_source(options: dict[str, Any]) -> Source | None:
    """The source that was asked for; the file is read by its mapping.

    Raises:
        Refusal: there is none of this code.
    """
    if not options["source"]:
        return None
    bring_database_up_to_date()
    return source_named(options["source"], actor=system_user(), entity_code=options["entity"] or "")


def _source_of(
    reading: Reading, name: str, mapping: dict[str, Any], options: dict[str, Any]
) -> Source:
    """The source that the file belongs to.

    Raises:
        Refusal: no entity or source fits.
    """
    named = _named_source(options)
    if named is None:
        return source_of_file(
            entity=_entity(options["entity"]),
            reading=reading,
            filename=name,
            mapping=mapping,
            actor=system_user(),
        )
    if mapping and named.mapping != mapping:
        return change_mapping(source_id=named.pk, mapping=mapping, actor=system_user())
    return named


def _import(source: Source, name: str, content: bytes) -> ImportOutcome:
    """Bring the file into its source.

    Raises:
        Refusal: the source does not take the file.
    """
    with shown_while(lambda: progress_words(source), Console(stderr=True)):
        outcome = import_file(
            source_id=source.pk, filename=name, content=content, actor=system_user()
        )
    if outcome.failure is not None:
        failure = outcome.failure
        refusal = FileRefused(
            failure.message, line=failure.line, field=failure.field, remedy=failure.remedy
        )
        refusal.code = failure.code
        raise refusal
    return outcome


def progress_words(source: Source) -> str:
    """What the import into the source is at."""
    for work in imports_under_way(source):
        words = str(ImportPhase(work.phase).label)
        return f"{words}: {work.rows_done:,} of {work.rows:,} lines" if work.rows else words
    return "Keeping the file"


def _entity(code: str | None) -> Entity:
    """The entity of this code, or the only one.

    Raises:
        EntityUnclear: there is none, or one has to be named.
    """
    entities = list(Entity.objects.filter(code=code) if code else Entity.objects.all()[:2])
    if len(entities) == 1:
        return entities[0]
    raise EntityUnclear(
        "There is more than one entity." if entities else "There is no such entity.",
        field="entity",
    )


def _told(outcome: ImportOutcome) -> str:
    batch = outcome.batch
    if batch is None or not outcome.is_new:
        return "This file was imported before: nothing changed."
    amended = f" ({batch.amended_count} amend an earlier line)" if batch.amended_count else ""
    late = f" {batch.closed_words}." if batch.closed_periods else ""
    return (
        f"Imported into {batch.source.code}: {batch.line_count} lines,"
        f" {batch.added_count} of them new{amended}, {batch.rejected_count} rejected.{late}"
    )
