"""Files of transactions to columns: pure, without Django.

`read` gives a `Reading`: booked lines in LINE_SCHEMA, the statements they belong to, and the lines
that were rejected. A file that cannot be trusted is refused as a whole with a `FileRefused`.
"""

from apps.ingestion.formats.contract import (
    LINE_SCHEMA,
    ControlTotal,
    Format,
    Proof,
    Reading,
    Rejected,
    Statement,
)
from apps.ingestion.formats.counted_references import are_counted
from apps.ingestion.formats.errors import FileRefused, MappingInvalid, UnknownFormat
from apps.ingestion.formats.identity_keys import content_keys
from apps.ingestion.formats.mapping import FieldMapping
from apps.ingestion.formats.numbering import are_numbered_alike, is_by_entry
from apps.ingestion.formats.registry import FORMATS, TABLES, format_named, identify, read

__all__ = [
    "FORMATS",
    "LINE_SCHEMA",
    "TABLES",
    "ControlTotal",
    "FieldMapping",
    "FileRefused",
    "Format",
    "MappingInvalid",
    "Proof",
    "Reading",
    "Rejected",
    "Statement",
    "UnknownFormat",
    "are_counted",
    "are_numbered_alike",
    "content_keys",
    "format_named",
    "identify",
    "is_by_entry",
    "read",
]
