"""What makes a line the same line when it is imported again.

The content key is a BLAKE2b-128 of the fields that a bank does not change between two exports of
the same line. Genuine lines can be identical; they are told apart by their occurrence number, so
the pair (content key, occurrence) is unique in a file, does not depend on the order of its lines,
and importing the file again, or one that overlaps it, adds only what is new.
"""

from __future__ import annotations

from hashlib import blake2b
from itertools import chain

import numpy as np
import numpy.typing as npt
import polars as pl

KEY_FIELDS = (
    "account",
    "booked_on",
    "amount",
    "currency",
    "reference",
    "narrative",
    "counterparty",
    "external_id",
)
KEY_BYTES = 16
_BLOCK_ROWS = 100_000  # bounds the memory that Python objects take


def content_keys(lines: pl.DataFrame) -> pl.DataFrame:
    """`content_key` (KEY_BYTES bytes) and `occurrence` (from 1), in the order of the lines.

    Args:
        lines: a frame in LINE_SCHEMA.
    """
    keys = pl.Series("content_key", [], dtype=pl.Binary)
    halves = np.empty(lines.height, dtype=np.uint64)
    done = 0
    for block in lines.select(KEY_FIELDS).iter_slices(_BLOCK_ROWS):
        digests = _digests_of(block)
        keys.append(pl.Series(digests, dtype=pl.Binary))
        halves[done : done + block.height] = np.frombuffer(b"".join(digests), dtype="<u8")[::2]
        done += block.height
    return pl.DataFrame({"content_key": keys, "occurrence": _occurrences(keys, halves)})


def _digests_of(lines: pl.DataFrame) -> list[bytes]:
    texts = _canonical_texts(lines).cast(pl.Binary).to_list()
    return [blake2b(text, digest_size=KEY_BYTES).digest() for text in texts]


def _canonical_texts(lines: pl.DataFrame) -> pl.Series:
    """The key fields, each as `bytes:text`, so that no two lines can run into one text."""
    texts = lines.select(pl.col(name).cast(pl.String).fill_null("") for name in KEY_FIELDS)
    parts = chain.from_iterable(map(_told, texts.iter_columns()))
    return texts.with_columns(canonical=pl.concat_str(list(parts)))["canonical"]


def _told(texts: pl.Series) -> list[pl.Expr]:
    """`bytes:text` of a field; what is the same in all rows is written once."""
    text, lengths = pl.col(texts.name), texts.str.len_bytes()
    if lengths.n_unique() > 1:
        return [text.str.len_bytes().cast(pl.String), pl.lit(":"), text]
    if (texts == texts[0]).all():
        return [pl.lit(f"{lengths[0]}:{texts[0]}")]
    return [pl.lit(f"{lengths[0]}:"), text]


def _occurrences(keys: pl.Series, halves: npt.NDArray[np.uint64]) -> pl.Series:
    """1, 2, ... within equal keys.

    Counting only where the halves of keys repeat, as numbers, keeps a million lines fast.
    """
    occurrences = pl.repeat(1, len(keys), dtype=pl.Int64, eager=True).alias("occurrence")
    rows = pl.Series(halves).is_duplicated().arg_true()
    counted = keys.gather(rows).to_frame("key")
    found = counted.select(pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over("key"))
    return occurrences.scatter(rows, found.to_series())
