"""Writes: `sources` sets up, `collection` and `filing` find files, `imports` brings them in."""

from apps.ingestion.services.collection import collect_files
from apps.ingestion.services.filing import source_of_file
from apps.ingestion.services.imports import ImportOutcome, import_file
from apps.ingestion.services.sources import change_mapping, define_source, retire_source

__all__ = [
    "ImportOutcome",
    "change_mapping",
    "collect_files",
    "define_source",
    "import_file",
    "retire_source",
    "source_of_file",
]
