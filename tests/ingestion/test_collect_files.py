"""Collecting the files of a period from the drop folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from apps.common.errors import NotPermitted, NotVisible, Refusal
from apps.ingestion.errors import FileMissing, FileTooLarge, SourceInvalid
from apps.ingestion.models import Record, Source
from apps.ingestion.services import collect_files
from tests.ingestion.conftest import ANNA, BERT, MAPPING, statement, table


@pytest.fixture
def drop(tmp_path: Path, settings: Any, entity: Any) -> Path:
    """Our entity's drop folder."""
    settings.FILE_DROP_DIR = str(tmp_path)
    folder = tmp_path / entity.code
    (folder / "2023-04").mkdir(parents=True)
    return folder


@pytest.fixture
def feeds(define: Any) -> list[Source]:
    """Two sources with a file each period."""
    return [
        define("sales", format="csv", mapping=MAPPING, drop_path="{period}/sales.csv"),
        define("bank", format="mt940", drop_path="{period}/bank.sta"),
    ]


def test_each_sources_file_of_the_period_is_imported(
    drop: Path, feeds: list[Source], entity: Any, alice: Any
) -> None:
    (drop / "2023-04/sales.csv").write_bytes(table(ANNA, BERT))
    (drop / "2023-04/bank.sta").write_text(statement())
    outcomes = collect_files(
        entity_id=entity.pk,
        source_codes=["sales", "bank", "sales"],
        period_name="2023-04",
        actor=alice,
    )
    assert list(outcomes) == ["sales", "bank"]
    assert all(outcome.batch and outcome.is_new for outcome in outcomes.values())
    assert outcomes["sales"].batch.filename == "sales.csv"
    assert Record.objects.count() == 2


def test_collecting_again_changes_nothing(
    drop: Path, feeds: list[Source], entity: Any, alice: Any, table_counts: Any
) -> None:
    (drop / "2023-04/sales.csv").write_bytes(table(ANNA))
    asked = {
        "entity_id": entity.pk,
        "source_codes": ["sales"],
        "period_name": "2023-04",
        "actor": alice,
    }
    collect_files(**asked)
    before = table_counts()
    assert collect_files(**asked)["sales"].is_new is False
    assert table_counts() == before


def test_a_refused_file_is_an_outcome_and_the_others_go_on(
    drop: Path, feeds: list[Source], entity: Any, alice: Any
) -> None:
    (drop / "2023-04/sales.csv").write_bytes(b"")
    (drop / "2023-04/bank.sta").write_text(statement())
    outcomes = collect_files(
        entity_id=entity.pk, source_codes=["sales", "bank"], period_name="2023-04", actor=alice
    )
    assert outcomes["sales"].failure.code == "EMPTY_FILE"
    assert outcomes["bank"].batch is not None


def test_all_missing_files_are_named_before_any_is_imported(
    drop: Path, feeds: list[Source], define: Any, entity: Any, alice: Any, table_counts: Any
) -> None:
    define("jobs", format="json", drop_path="{period}/jobs.json")
    (drop / "2023-04/sales.csv").write_bytes(table(ANNA))
    before = table_counts()
    with pytest.raises(FileMissing, match=r"bank\.sta, jobs\.json"):
        collect_files(
            entity_id=entity.pk,
            source_codes=["sales", "bank", "jobs"],
            period_name="2023-04",
            actor=alice,
        )
    assert table_counts() == before


def test_a_file_that_cannot_be_read_is_as_good_as_missing(
    drop: Path, feeds: list[Source], entity: Any, alice: Any, monkeypatch: Any
) -> None:
    def vanish(path: Path) -> bytes:
        raise FileNotFoundError(2, "No such file or directory", str(path))

    (drop / "2023-04/sales.csv").write_bytes(table(ANNA))
    monkeypatch.setattr(Path, "read_bytes", vanish)
    with pytest.raises(FileMissing, match=r"sales\.csv cannot be read: No such file"):
        collect_files(
            entity_id=entity.pk, source_codes=["sales"], period_name="2023-04", actor=alice
        )


def test_a_file_past_the_limit_is_not_even_read(
    drop: Path, feeds: list[Source], entity: Any, alice: Any, settings: Any, table_counts: Any
) -> None:
    settings.UPLOAD_MAX_BYTES = 10
    (drop / "2023-04/sales.csv").write_bytes(table(ANNA))
    before = table_counts()
    with pytest.raises(FileTooLarge, match=r"sales\.csv is larger than 10 bytes"):
        collect_files(
            entity_id=entity.pk, source_codes=["sales"], period_name="2023-04", actor=alice
        )
    assert table_counts() == before


@pytest.mark.parametrize(
    ("code", "period", "why"),
    [
        ("unknown", "2023-04", "There is no source"),
        ("nowhere", "2023-04", "not below"),
        ("sales", "../../secret", "not below"),
        ("linked", "2023-04", "not below"),
    ],
)
def test_nothing_outside_the_drop_folder_is_touched(
    code: str,
    period: str,
    why: str,
    drop: Path,
    feeds: list[Source],
    define: Any,
    entity: Any,
    alice: Any,
) -> None:
    define("nowhere", format="csv", mapping=MAPPING)
    define("linked", format="csv", mapping=MAPPING, drop_path="link.csv")
    outside = drop.parent / "secret"
    outside.mkdir()
    (outside / "sales.csv").write_bytes(table(ANNA))
    (drop / "link.csv").symlink_to(outside / "sales.csv")
    with pytest.raises(SourceInvalid, match=why):
        collect_files(entity_id=entity.pk, source_codes=[code], period_name=period, actor=alice)
    assert not Record.objects.exists()


@pytest.mark.parametrize(
    ("who", "refusal"),
    [("rita", NotPermitted), ("otto", NotPermitted), ("charlie", NotVisible)],
)
def test_who_may_not_collect_learns_nothing_of_the_folder(
    who: str,
    refusal: type[Refusal],
    request: Any,
    drop: Path,
    feeds: list[Source],
    entity: Any,
) -> None:
    with pytest.raises(refusal):
        collect_files(
            entity_id=entity.pk,
            source_codes=["sales", "unknown"],
            period_name="2023-04",
            actor=request.getfixturevalue(who),
        )
