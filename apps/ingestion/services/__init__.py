"""Writes: `sources` sets up, `collection` finds files, `imports` brings them in."""

from apps.ingestion.services.collection import collect_files
from apps.ingestion.services.imports import ImportOutcome, import_file
from apps.ingestion.services.sources import change_mapping, define_source, retire_source

__all__ = [
    "ImportOutcome",
    "change_mapping",
    "collect_files",
    "define_source",
    "import_file",
    "retire_source",
]
