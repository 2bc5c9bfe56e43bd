"""Writes: `sources` sets up, `connecting` connects, `asking` asks for pulls, `pulling` carries them
out and `attempts` keeps how they end, `collection` and `filing` find files, `imports` brings them
in, `correcting` what was rejected of them if they bear it out (`proving`); `previewing` tries a
mapping and writes nothing."""

from apps.ingestion.services.asking import ask_pull, retry_pull
from apps.ingestion.services.collection import collect_files
from apps.ingestion.services.connecting import connect_source
from apps.ingestion.services.correcting import (
    correct_line,
    correct_lines,
    read_again,
    texts_of_line,
    texts_together,
)
from apps.ingestion.services.filing import source_of_file
from apps.ingestion.services.imports import ImportOutcome, import_file
from apps.ingestion.services.previewing import MappingPreview, preview_mapping
from apps.ingestion.services.pulling import perform_pull, pull_now, resume_pulls
from apps.ingestion.services.schedules import ask_scheduled_pulls, schedule_source
from apps.ingestion.services.setup import define_connected_source, set_up_source
from apps.ingestion.services.sources import change_mapping, define_source, retire_source

__all__ = [
    "ImportOutcome",
    "MappingPreview",
    "ask_pull",
    "ask_scheduled_pulls",
    "change_mapping",
    "collect_files",
    "connect_source",
    "correct_line",
    "correct_lines",
    "define_connected_source",
    "define_source",
    "import_file",
    "perform_pull",
    "preview_mapping",
    "pull_now",
    "read_again",
    "resume_pulls",
    "retire_source",
    "retry_pull",
    "schedule_source",
    "set_up_source",
    "source_of_file",
    "texts_of_line",
    "texts_together",
]
