"""`kill -9` in the middle of an import: nothing is lost, nothing is there twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage

from apps.ingestion.models import Batch, Record, RejectedLine, Source
from apps.ingestion.services import define_source, import_file
from tests.faults import Trap, die_at
from tests.ingestion.conftest import ANNA, BERT, BROKEN, MAPPING, table

pytestmark = pytest.mark.django_db(transaction=True)

FILE = table(ANNA, BERT, ANNA, BROKEN)
IMPORTS = "apps.ingestion.services.imports"
BEFORE_COMMIT = {
    "the original is kept": Trap(IMPORTS, "keep_original"),
    "the file is read": Trap(IMPORTS, "read_file"),
    "lines are about to be stored": Trap(IMPORTS, "copy_records", is_after=False),
    "lines are stored, nothing is committed": Trap(IMPORTS, "copy_records"),
    "the audit event is written": Trap(IMPORTS, "record"),
}


@pytest.fixture(autouse=True)
def _files_on_disk(tmp_path: Path, settings: Any) -> None:
    """What a killed process has written stays: storage is a folder, not memory."""
    settings.MEDIA_ROOT = str(tmp_path / "media")
    settings.STORAGES = settings.STORAGES | {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"}
    }


@pytest.fixture
def source(entity: Any, connie: Any) -> Source:
    return define_source(
        entity_id=entity.pk, code="sales", name="Sales", format="csv", mapping=MAPPING, actor=connie
    )


@pytest.fixture
def order(source: Source, ivy: Any) -> dict[str, Any]:
    """What the import is asked for."""
    return {"source_id": source.pk, "filename": "s.csv", "content": FILE, "actor": ivy}


def die_importing(trap: Trap, order: dict[str, Any]) -> None:
    die_at(trap, f"{IMPORTS}.import_file", **(order | {"actor": order["actor"].pk}))


@pytest.mark.parametrize("point", BEFORE_COMMIT)
def test_killed_before_the_commit_nothing_is_there_and_again_all_of_it(
    order: dict[str, Any], table_counts: Any, point: str
) -> None:
    before = table_counts()
    die_importing(BEFORE_COMMIT[point], order)
    assert table_counts() == before
    _holds_all_of_it(import_file(**order))


def test_killed_after_the_commit_all_of_it_is_there_and_again_changes_nothing(
    order: dict[str, Any], table_counts: Any
) -> None:
    die_importing(Trap(IMPORTS, "_publish"), order)
    assert Batch.objects.count() == 1
    before = table_counts()
    outcome = import_file(**order)
    assert not outcome.is_new
    assert table_counts() == before
    _holds_all_of_it(outcome)


def _holds_all_of_it(outcome: Any) -> None:
    batch = outcome.batch
    assert (batch.line_count, batch.added_count, batch.rejected_count) == (3, 3, 1)
    assert Record.objects.count() == 3  # Anna's two identical lines are two
    assert RejectedLine.objects.get().line == 5
    assert default_storage.exists(batch.original_name)
