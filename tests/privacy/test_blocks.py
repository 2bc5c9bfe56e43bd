"""Texts sealed many rows at a time."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.privacy.blocks import BLOCK_ROWS, opened_block, sealed_blocks
from apps.privacy.keyring import KeyRing, Unreadable

RING = KeyRing(((2, b"2" * 32), (1, b"1" * 32)))
SCHEMA = {"name": pl.String(), "words": pl.String()}


def frame(rows: int) -> pl.DataFrame:
    names = [f"Anna {number}" for number in range(rows)]
    return pl.DataFrame({"name": names, "words": ["Rent of April"] * rows}, schema=SCHEMA)


@given(st.lists(st.tuples(st.text(), st.text()), max_size=5))
def test_a_block_opens_as_what_was_sealed(rows: list[tuple[str, str]]) -> None:
    texts = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    blocks = list(sealed_blocks(texts, "here", RING))
    assert len(blocks) == (1 if rows else 0)
    for number, sealed in enumerate(blocks):
        assert opened_block(sealed, "here", number, RING).equals(texts)


@pytest.mark.parametrize("rows", [1, BLOCK_ROWS - 1, BLOCK_ROWS, BLOCK_ROWS + 1, 3 * BLOCK_ROWS])
def test_blocks_hold_so_many_rows_in_their_order(rows: int) -> None:
    blocks = list(sealed_blocks(frame(rows), "here", RING))
    opened = [opened_block(sealed, "here", number, RING) for number, sealed in enumerate(blocks)]
    assert [block.height for block in opened[:-1]] == [BLOCK_ROWS] * (len(opened) - 1)
    assert pl.concat(opened).equals(frame(rows))


def test_a_frame_may_be_sealed_piece_by_piece() -> None:
    whole = frame(2 * BLOCK_ROWS + 3)
    pieces = [whole.head(BLOCK_ROWS), whole.slice(BLOCK_ROWS)]
    blocks = [
        sealed
        for first, piece in enumerate(pieces)
        for sealed in sealed_blocks(piece, "here", RING, first=first)
    ]
    opened = [opened_block(sealed, "here", number, RING) for number, sealed in enumerate(blocks)]
    assert pl.concat(opened).equals(whole)


def test_nothing_of_the_texts_is_readable_and_equal_rows_look_different() -> None:
    first, second = sealed_blocks(pl.concat([frame(BLOCK_ROWS)] * 2), "here", RING)
    for sealed in (first, second):
        assert b"Anna" not in sealed
        assert b"Rent" not in sealed
    assert first[13:100] != second[13:100]


@pytest.mark.parametrize(("label", "number"), [("there", 0), ("here", 1)])
def test_a_block_in_another_place_does_not_open(label: str, number: int) -> None:
    (sealed,) = sealed_blocks(frame(3), "here", RING)
    with pytest.raises(Unreadable, match="sealed for another place"):
        opened_block(sealed, label, number, RING)


def test_a_block_of_an_older_key_opens_while_its_key_is_on_the_ring() -> None:
    (sealed,) = sealed_blocks(frame(3), "here", KeyRing(RING.keys[1:]))
    assert opened_block(sealed, "here", 0, RING).equals(frame(3))
    with pytest.raises(Unreadable, match="key 1 is not on the ring"):
        opened_block(sealed, "here", 0, KeyRing(RING.keys[:1]))


def test_an_altered_block_does_not_open() -> None:
    (sealed,) = sealed_blocks(frame(3), "here", RING)
    for place in (0, 5, 20, len(sealed) - 1):
        altered = bytearray(sealed)
        altered[place] ^= 1
        with pytest.raises(Unreadable):
            opened_block(bytes(altered), "here", 0, RING)


def test_blocks_of_another_size_and_some_of_their_columns() -> None:
    whole = frame(7)
    blocks = list(sealed_blocks(whole, "here", RING, first=2, each=3))
    opened = [opened_block(block, "here", number, RING) for number, block in enumerate(blocks, 2)]
    assert [block.height for block in opened] == [3, 3, 1]
    assert pl.concat(opened).equals(whole)
    (name, *_) = whole.columns
    some = opened_block(blocks[0], "here", 2, RING, columns=[name])
    assert some.equals(whole.head(3).select(name))
