"""What shards take and find, sealed in the file storage until the run is finished."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Mapping

import polars as pl
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from apps.privacy.keyring import Unreadable
from apps.privacy.selectors import key_ring
from apps.reconciliation.errors import ShardUnreadable
from apps.reconciliation.matching.schemas import LEFT, RIGHT
from apps.reconciliation.matching.shards import SHARD_FRAMES, ShardOutcome
from apps.reconciliation.states import SHARD_LABEL


def keep_found(name: str, found: ShardOutcome) -> None:
    """Store a shard's frames under the name."""
    _keep(name, SHARD_LABEL, {frame: getattr(found, frame) for frame in SHARD_FRAMES})


def opened(name: str) -> ShardOutcome:
    """What was kept under the name.

    Raises:
        ShardUnreadable: it is gone, or damaged.
    """
    return ShardOutcome(**_opened(name, SHARD_LABEL, SHARD_FRAMES))


def keep_items(name: str, left: pl.DataFrame, right: pl.DataFrame) -> None:
    """Store the records of a shard that is not begun, under the name, for who begins it."""
    _keep(name, f"{SHARD_LABEL}:{name}", {LEFT: left, RIGHT: right})


def opened_items(name: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The records that were kept under the name, left and right.

    Raises:
        ShardUnreadable: nobody kept any, or not wholly, or they are damaged.
    """
    items = _opened(name, f"{SHARD_LABEL}:{name}", (LEFT, RIGHT))
    return items[LEFT], items[RIGHT]


def _keep(name: str, label: str, frames: Mapping[str, pl.DataFrame]) -> None:
    """An archive with one sealed Arrow file for each frame."""
    ring = key_ring()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for part, frame in frames.items():
            plain = io.BytesIO()
            frame.write_ipc(plain, compression="lz4")
            archive.writestr(part, ring.seal(plain.getvalue(), f"{label}.{part}"))
    default_storage.delete(name)  # what lies there is of a try that did not end
    default_storage.save(name, ContentFile(packed.getvalue()))


def _opened(name: str, label: str, parts: Iterable[str]) -> dict[str, pl.DataFrame]:
    ring = key_ring()
    try:
        with default_storage.open(name) as stored, zipfile.ZipFile(stored) as archive:
            return {
                part: pl.read_ipc(io.BytesIO(ring.unseal(archive.read(part), f"{label}.{part}")))
                for part in parts
            }
    except (FileNotFoundError, zipfile.BadZipFile, KeyError, Unreadable):
        raise ShardUnreadable from None


def forget_found(names: Iterable[str]) -> None:
    """Delete what was kept; names under which nothing lies are fine."""
    for name in names:
        default_storage.delete(name)
