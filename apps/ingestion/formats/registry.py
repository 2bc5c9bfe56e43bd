"""The formats there are, and the two calls that use them."""

from __future__ import annotations

from apps.ingestion.formats.bai2 import Bai2
from apps.ingestion.formats.camt import Camt
from apps.ingestion.formats.contract import Format, Reading
from apps.ingestion.formats.delimited import DelimitedText
from apps.ingestion.formats.errors import EmptyFile, FileTooLarge, UnknownFormat
from apps.ingestion.formats.fec import Fec
from apps.ingestion.formats.json_records import JsonRecords
from apps.ingestion.formats.mapping import FieldMapping
from apps.ingestion.formats.mt940 import Mt940
from apps.ingestion.formats.ofx import Ofx
from apps.ingestion.formats.parquet import Parquet
from apps.ingestion.formats.saft import Saft
from apps.ingestion.formats.xlsx import Xlsx

# The strict ones first: text with a comma in its first line already looks like CSV.
FORMATS: tuple[Format, ...] = (
    Camt(),
    Saft(),
    Ofx(),
    Mt940(),
    Bai2(),
    Xlsx(),
    Parquet(),
    Fec(),
    JsonRecords(),
    DelimitedText(),
)
TABLES = ("csv", "json", "xlsx", "parquet")  # a row of these can be corrected by itself
HEAD_BYTES = 4096


def identify(content: bytes, filename: str) -> Format:
    """The format of a file, by its content; the name is only a hint.

    Raises:
        EmptyFile: nothing but blanks.
        UnknownFormat: no format recognises it.
    """
    _require_content(content)
    for candidate in FORMATS:
        if candidate.identify(content[:HEAD_BYTES], filename):
            return candidate
    titles = "; ".join(candidate.title for candidate in FORMATS)
    raise UnknownFormat(remedy=f"Send one of: {titles}.")


def format_named(name: str) -> Format:
    """The format with this name.

    Raises:
        UnknownFormat: there is none.
    """
    for candidate in FORMATS:
        if candidate.name == name:
            return candidate
    names = ", ".join(candidate.name for candidate in FORMATS)
    raise UnknownFormat("There is no format of this name.", remedy=f"Use one of: {names}.")


def read(
    content: bytes,
    *,
    filename: str,
    format: str | None = None,  # noqa: A002  # the word that callers know
    mapping: FieldMapping | None = None,
) -> Reading:
    """Reads a whole file.

    Args:
        content: the bytes as they came.
        filename: as it came; a hint for identification.
        format: name of the format, None to identify it.
        mapping: columns of a table and how it is written; None to find all of it.

    Raises:
        FileRefused: the file as a whole cannot be trusted; nothing was read.
    """
    _require_content(content)
    chosen = identify(content, filename) if format is None else format_named(format)
    if len(content) > chosen.max_bytes:
        raise FileTooLarge(f"The file is larger than {chosen.max_bytes // 1_000_000} MB.")
    return chosen.read(content, mapping or FieldMapping())


def _require_content(content: bytes) -> None:
    if not content[:HEAD_BYTES].strip() and not content.strip():
        raise EmptyFile
