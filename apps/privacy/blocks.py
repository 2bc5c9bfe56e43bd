"""Columns of personal texts, sealed many rows at a time.

Sealing each value on its own costs a call, a nonce and a tag per value; a block of rows costs one.
A block is an Arrow IPC stream (zstd), sealed under a label that names its place, so that no block
opens in another's stead.
"""

from __future__ import annotations

import io
from collections.abc import Iterator

import polars as pl

from apps.privacy.keyring import KeyRing

BLOCK_ROWS = 1024
"""Rows of a block. Positions are divided by it: it never changes."""


def sealed_blocks(
    texts: pl.DataFrame, label: str, ring: KeyRing, *, first: int = 0
) -> Iterator[bytes]:
    """Seal a frame, BLOCK_ROWS rows at a time.

    Args:
        label: the place of the frame; the number of the block is put behind it.
        first: the number of its first block.
    """
    for number, rows in enumerate(texts.iter_slices(BLOCK_ROWS), first):
        plain = io.BytesIO()
        rows.write_ipc_stream(plain, compression="zstd")
        yield ring.seal(plain.getvalue(), _label(label, number))


def opened_block(sealed: bytes, label: str, number: int, ring: KeyRing) -> pl.DataFrame:
    """The rows of one block.

    Raises:
        Unreadable: altered, from another place, or sealed by a key that is not on the ring.
    """
    return pl.read_ipc_stream(io.BytesIO(ring.unseal(sealed, _label(label, number))))


def _label(label: str, number: int) -> str:
    return f"{label}:{number}"
