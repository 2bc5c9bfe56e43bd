"""Who reads a shard's records keeps those of shards that nobody has begun, sealed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from apps.reconciliation.models import Run, Shard
from apps.reconciliation.services import match_shard, planning, resume_runs, shards
from tests.faults import Trap, die_at
from tests.reconciliation.conftest import Pair
from tests.reconciliation.shards.conftest import shard_ids, stored_files, work_off
from tests.reconciliation.shards.test_outcomes import as_one_piece, found_by

SHARDS = shards.__name__


@pytest.fixture(autouse=True)
def one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first shard's worker reads for the other two as well."""
    monkeypatch.setattr(planning.os, "cpu_count", lambda: 1)


def kept() -> list[str]:
    """Of which shards the records are kept."""
    names = [name.rpartition("/")[2] for name in stored_files()]
    return sorted(name.removesuffix("-items") for name in names if name.endswith("-items"))


def content_of(name: str) -> bytes:
    with default_storage.open(name) as stored:
        return bytes(stored.read())


def replace(name: str, content: bytes) -> None:
    default_storage.delete(name)
    default_storage.save(name, ContentFile(content))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """The shards that were read at once, each time that any were."""
    numbers: list[list[int]] = []
    original = shards.shard_items

    def noted(plan: Any, which: list[int], split: Any) -> Any:
        numbers.append(which)
        return original(plan, which, split)

    monkeypatch.setattr(shards, "shard_items", noted)
    return numbers


def test_records_are_gone_through_once(
    running: Run, asked: list[list[int]], filled: Pair, settings: Any
) -> None:
    first, second, third = shard_ids()
    match_shard(shard_id=first)
    assert kept() == ["1", "2"]
    for name in stored_files():
        assert b"INV-" not in content_of(name)
    match_shard(shard_id=second)
    assert kept() == ["2"]
    match_shard(shard_id=third)
    assert kept() == []
    assert asked == [[0, 1, 2]]
    work_off()
    assert not stored_files()
    running.refresh_from_db()
    assert found_by(running) == as_one_piece(filled, settings)


def test_as_many_read_as_there_are_cores(
    running: Run, asked: list[list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning.os, "cpu_count", lambda: 2)
    for shard_id in shard_ids():
        match_shard(shard_id=shard_id)
    assert asked == [[0, 2], [1]]


def test_nobody_reads_more_at_once_than_memory_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [planning.readers(count) for count in (1, 4, 5, 8, 9, 40)]
    assert found == [1, 1, 2, 2, 3, 10]


def test_what_others_have_begun_is_not_read_for_them(running: Run, asked: list[list[int]]) -> None:
    first, second, third = shard_ids()
    match_shard(shard_id=second)
    match_shard(shard_id=first)
    match_shard(shard_id=third)
    assert asked == [[1], [0, 2]]


DAMAGES: dict[str, Callable[[bytes, bytes], bytes]] = {
    "cut": lambda own, _: own[: len(own) // 2],
    "those of another shard": lambda _, other: other,
    "no archive": lambda *_: b"nothing",
    "no left side": lambda own, _: own.replace(b"left", b"some"),
}


@pytest.mark.parametrize("damage", [*DAMAGES, "gone"])
def test_what_cannot_be_read_is_read_anew(
    damage: str, running: Run, asked: list[list[int]], filled: Pair, settings: Any
) -> None:
    first, second, third = shard_ids()
    match_shard(shard_id=first)
    name, other = (Shard.objects.get(pk=pk).items_name for pk in (second, third))
    damaged = DAMAGES[damage](content_of(name), content_of(other)) if damage in DAMAGES else None
    default_storage.delete(name)
    if damaged is not None:
        replace(name, damaged)
    match_shard(shard_id=second)
    match_shard(shard_id=third)
    assert asked == [[0, 1, 2], [1]]
    work_off()
    assert not stored_files()
    running.refresh_from_db()
    assert found_by(running) == as_one_piece(filled, settings)


def test_if_the_run_is_over_meanwhile_nothing_is_left(
    running: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _, third = shard_ids()
    Shard.objects.filter(pk=third).update(attempt_count=3)
    keep = shards.keep_items

    def given_up(*kept: Any) -> None:
        """Another worker gives the run up, and its files are forgotten, before these are kept."""
        match_shard(shard_id=third)
        work_off()
        keep(*kept)

    monkeypatch.setattr(shards, "keep_items", given_up)
    match_shard(shard_id=first)
    running.refresh_from_db()
    assert running.status == "failed"
    assert not stored_files()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("function", ["shard_items", "keep_items", "keep_found"])
def test_killed_while_it_reads_along_nothing_is_lost(
    function: str, running: Run, tmp_path: Any, settings: Any
) -> None:
    settings.MEDIA_ROOT = str(tmp_path / "media")
    settings.STORAGES = settings.STORAGES | {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"}
    }
    (first, *_) = shard_ids()
    die_at(Trap(SHARDS, function), f"{SHARDS}.match_shard", shard_id=first)
    assert resume_runs() == [running.pk]
    work_off()
    running.refresh_from_db()
    assert (running.status, running.left_count + running.right_count) == ("completed", 17)
    assert running.group_count > 0
    assert {part["proof_amount"] for part in running.proof} == {"0.00"}
    assert not stored_files()
