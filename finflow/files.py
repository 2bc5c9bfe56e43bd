"""Files as they would be read, and the field mappings that say how."""
# What needs the models is imported once Django is configured.
# ruff: noqa: PLC0415

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

import pandas as pd

from apps.ingestion.formats import FieldMapping, Statement, read
from finflow.environment import connect
from finflow.frames import in_units

_REJECTED_COLUMNS = ["line", "field", "reason"]
_STATEMENT_COLUMNS = [
    "account",
    "currency",
    "opening",
    "total",
    "closing",
    "difference",
    "ties",
    "line_count",
    "opened_on",
    "closed_on",
]
_MONEY = ["opening", "total", "closing", "difference"]


@dataclass(frozen=True)
class FilePreview:
    """A file as it would be read; nothing of it is stored.

    Attributes:
        format: its name, such as "csv".
        lines: one row for each line, amounts as Decimals in currency units.
        rejected: `line`, `field`, `reason` of each line that would not be taken.
        statements: balances where the file states them; `ties` is None where it states none.
        conventions: how the text was read.
    """

    format: str
    lines: pd.DataFrame
    rejected: pd.DataFrame
    statements: pd.DataFrame
    conventions: dict[str, str]


def preview_file(
    content: bytes,
    *,
    filename: str = "",
    mapping: Mapping[str, Any] | None = None,
    format: str | None = None,  # noqa: A002 - the word that people use
) -> FilePreview:
    """Read a file by a field mapping that is not saved; needs no database.

    Args:
        content: the whole file, or its first lines.
        filename: a hint for its format.
        mapping: `key_mappings`, `value_mappings`, `transformations` and the other keys of
            docs/reference/file-formats.md; None finds columns by their names.
        format: its name; None recognises it.

    Raises:
        Refusal: MAPPING_INVALID names the key at fault; other codes say why the file as a whole
            would be refused.
    """
    fields = FieldMapping.from_dict(mapping) if mapping else None
    reading = read(content, filename=filename, format=format, mapping=fields)
    return FilePreview(
        format=reading.format,
        lines=in_units(reading.lines.drop("statement"), ["amount"]).to_pandas(),
        rejected=pd.DataFrame([asdict(one) for one in reading.rejected], columns=_REJECTED_COLUMNS),
        statements=pd.DataFrame(
            [_row(statement) for statement in reading.statements], columns=_STATEMENT_COLUMNS
        ),
        conventions=dict(reading.conventions),
    )


def save_mapping(entity_code: str, source_code: str, mapping: Mapping[str, Any] | None) -> None:
    """Give a source another field mapping; lines imported before stay as they are.

    Raises:
        Refusal: NOT_FOUND (no such entity or source), SOURCE_INVALID (names the key at fault) or
            SOURCE_RETIRED.
        Unavailable: there is no database to work with.
    """
    connect()
    from apps.identity.selectors import system_user
    from apps.ingestion.selectors import source_named
    from apps.ingestion.services import change_mapping

    actor = system_user()
    source = source_named(source_code, actor=actor, entity_code=entity_code)
    change_mapping(source_id=source.pk, mapping=mapping, actor=actor)


def _row(statement: Statement) -> dict[str, Any]:
    """The facts of a statement, in currency units."""
    facts = {name: getattr(statement, name) for name in _STATEMENT_COLUMNS}
    money = {
        name: None if facts[name] is None else Decimal(facts[name]).scaleb(-4) for name in _MONEY
    }
    return {**facts, **money}
