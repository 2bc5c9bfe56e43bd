"""Read a file for a source: by its mapping, of its account, and no line that cannot be stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import polars as pl

from apps.ingestion.formats import (
    FieldMapping,
    FileRefused,
    MappingInvalid,
    Reading,
    Rejected,
    Statement,
    UnknownFormat,
    format_named,
    identify,
    read,
)
from apps.ingestion.models import Batch, Record, Source

_LAST_GUESS: Final = "csv"  # nearly any text has a separator in its first line
_MESSAGE_CHARACTERS: Final = len("camt.053")
_LIMITED: Final = ("external_id", "account", "reference")


def read_file(
    source: Source,
    filename: str,
    content: bytes,
    mapping: Mapping[str, Any],
    corrections: Mapping[int, Mapping[str, str]] | None = None,
) -> Reading:
    """The reading of a file for the source.

    Args:
        corrections: line -> column -> text that takes the place of the file's, see `correcting`.

    Raises:
        FileRefused: it cannot be trusted as a whole, or holds a statement of another account.
    """
    try:
        fields = FieldMapping.from_dict(mapping)
    except MappingInvalid as fault:
        raise FileRefused(
            f"The field mapping of the source is not acceptable: {fault.message}",
            remedy="Correct the mapping of the source.",
            field="mapping",
        ) from None
    fields = replace(fields, corrections=corrections or {})
    reading = _read(source, filename, content, fields)
    _require_own_account(source, reading)
    _require_own_message(source, reading)
    return _within_columns(reading)


def _read(source: Source, filename: str, content: bytes, mapping: FieldMapping) -> Reading:
    """The file by the source's format; one of another format is refused by its name."""
    try:
        return read(content, filename=filename, format=source.format or None, mapping=mapping)
    except FileRefused as refusal:
        found = _recognised(content, filename)
        if not source.format or found in ("", _LAST_GUESS, source.format):
            raise
        raise UnknownFormat(
            f"This source takes {format_named(source.format).title}; the file is"
            f" {format_named(found).title}.",
            remedy="Import it into a source of its own format. Two sources that bring the lines of"
            " one account bring its money twice: reconcile one of them only.",
        ) from refusal


def _recognised(content: bytes, filename: str) -> str:
    """The name of the format that the content has; '' for none."""
    try:
        return identify(content, filename).name
    except FileRefused:
        return ""


def _require_own_message(source: Source, reading: Reading) -> None:
    """Reports, statements and notifications (camt.052, 053, 054) tell the same money.

    Side by side in one source they would bring it twice where they part or describe it otherwise.
    """
    own = reading.conventions.get("message", "")[:_MESSAGE_CHARACTERS]
    known = Batch.objects.filter(source=source, conventions__message__startswith="camt")
    of_its_kind = known.filter(conventions__message__startswith=own)
    if not own or of_its_kind.exists():
        return
    other = known.order_by("id").last()
    if other is not None:
        kind = other.conventions["message"][:_MESSAGE_CHARACTERS]
        raise FileRefused(
            f"This source holds {kind} messages; a {own} tells the same money again.",
            remedy=f"Go on with {kind}, or import the {own} into a source of its own and reconcile"
            " one of the two only.",
            field="message",
        )


def _require_own_account(source: Source, reading: Reading) -> None:
    if not source.account_number:
        return
    expected = bare_account(source.account_number)
    for statement in reading.statements:
        if statement.account and bare_account(statement.account) != expected:
            raise FileRefused(
                "The file holds a statement of another account.",
                remedy="Import it into the source of that account.",
                field="account",
            )


def bare_account(account: str) -> str:
    """An account number without blanks, in capitals, as two of them are compared."""
    return "".join(account.split()).upper()


def _within_columns(reading: Reading) -> Reading:
    """The reading without lines whose texts are longer than their columns; they are rejected.

    A statement then counts what is left, so that it no longer ties.
    """
    faults = [
        pl.when(pl.col(name).str.len_chars() > _most_characters(name)).then(pl.lit(name))
        for name in _LIMITED
    ]
    judged = reading.lines.with_columns(pl.coalesce(faults).alias("fault"))
    is_good = pl.col("fault").is_null()
    too_long = judged.filter(~is_good)
    if too_long.is_empty():
        return reading
    return replace(
        reading,
        lines=judged.filter(is_good).drop("fault"),
        rejected=tuple(sorted([*reading.rejected, *_rejected(too_long)], key=lambda one: one.line)),
        statements=tuple(
            _without(statement, too_long.filter(pl.col("statement") == index))
            for index, statement in enumerate(reading.statements)
        ),
    )


def _rejected(too_long: pl.DataFrame) -> list[Rejected]:
    return [
        Rejected(line, field, f"This is longer than {_most_characters(field)} characters.")
        for line, field in too_long.select("line", "fault").iter_rows()
    ]


def _most_characters(name: str) -> int:
    column: Any = Record._meta.get_field(name)
    return int(column.max_length)


def _without(statement: Statement, lines: pl.DataFrame) -> Statement:
    return replace(
        statement,
        line_count=statement.line_count - lines.height,
        total=statement.total - int(lines["amount"].sum()),
    )
