"""Columns sealed many rows at a time.

Sealing each value on its own costs a call, a nonce and a tag per value; a block of rows costs one.
A block is an Arrow IPC stream (zstd), sealed under a label that names its place, so that no block
opens in another's stead.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence

import polars as pl

from apps.privacy.keyring import KeyRing

BLOCK_ROWS = 1024
"""Rows of a block, if nothing else is said. Positions are divided by it: it never changes."""


def sealed_blocks(
    frame: pl.DataFrame, label: str, ring: KeyRing, *, first: int = 0, each: int = BLOCK_ROWS
) -> Iterator[bytes]:
    """Seal a frame block by block.

    Args:
        label: the place of the frame; the number of the block is put behind it.
        first: the number of its first block.
        each: rows of a block.
    """
    for number, rows in enumerate(frame.iter_slices(each), first):
        plain = io.BytesIO()
        rows.write_ipc_stream(plain, compression="zstd")
        yield ring.seal(plain.getvalue(), _label(label, number))


def opened_block(
    sealed: bytes,
    label: str,
    number: int,
    ring: KeyRing,
    *,
    columns: Sequence[str] | None = None,
) -> pl.DataFrame:
    """The rows of one block.

    Args:
        columns: only these of its columns; None for all.

    Raises:
        Unreadable: altered, from another place, or sealed by a key that is not on the ring.
    """
    plain = io.BytesIO(ring.unseal(sealed, _label(label, number)))
    return pl.read_ipc_stream(plain, columns=None if columns is None else list(columns))


def _label(label: str, number: int) -> str:
    return f"{label}:{number}"
