"""What a shard found, sealed in the file storage until the run is finished."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable

import polars as pl
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from apps.privacy.keyring import KeyRing, Unreadable
from apps.privacy.selectors import key_ring
from apps.reconciliation.errors import ShardUnreadable
from apps.reconciliation.matching.shards import SHARD_FRAMES, ShardOutcome
from apps.reconciliation.states import SHARD_LABEL


def keep_found(name: str, found: ShardOutcome) -> None:
    """Store a shard's frames under the name: an archive with one sealed Arrow file for each."""
    ring = key_ring()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for frame in SHARD_FRAMES:
            plain = io.BytesIO()
            getattr(found, frame).write_ipc(plain, compression="lz4")
            archive.writestr(frame, ring.seal(plain.getvalue(), f"{SHARD_LABEL}.{frame}"))
    default_storage.delete(name)  # what lies there is of a try that did not end
    default_storage.save(name, ContentFile(packed.getvalue()))


def opened(name: str) -> ShardOutcome:
    """What was kept under the name.

    Raises:
        ShardUnreadable: it is gone, or damaged.
    """
    ring = key_ring()
    try:
        with default_storage.open(name) as stored, zipfile.ZipFile(stored) as archive:
            return ShardOutcome(**{frame: _frame(archive, frame, ring) for frame in SHARD_FRAMES})
    except (FileNotFoundError, zipfile.BadZipFile, KeyError, Unreadable):
        raise ShardUnreadable from None


def _frame(archive: zipfile.ZipFile, name: str, ring: KeyRing) -> pl.DataFrame:
    return pl.read_ipc(io.BytesIO(ring.unseal(archive.read(name), f"{SHARD_LABEL}.{name}")))


def forget_found(names: Iterable[str]) -> None:
    """Delete what shards found; names under which nothing lies are fine."""
    for name in names:
        default_storage.delete(name)
