"""Sealing and opening, rotation, tampering, and that a broken ring is named without its keys."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.privacy.keyring import KeyRing, KeyRingMalformed, Unreadable

OLD, NEW = base64.b64encode(b"o" * 32).decode(), base64.b64encode(b"n" * 32).decode()
RING = KeyRing.from_text(f"1:{OLD}")
ROTATED = KeyRing.from_text(f"2:{NEW},1:{OLD}")


@given(st.binary(min_size=1, max_size=200), st.text(max_size=20))
def test_what_is_sealed_opens_again_and_hides(plain: bytes, label: str) -> None:
    sealed = RING.seal(plain, label)
    assert RING.unseal(sealed, label) == plain
    assert len(plain) < 8 or plain not in sealed


@pytest.mark.parametrize("size", [0, 1, 15, 2**20 - 1, 2**20, 2**20 + 1, 2**21, 3 * 2**20 + 5])
def test_what_is_sealed_in_pieces_opens_as_one(size: int) -> None:
    plain = bytes(range(256)) * (size // 256) + b"-" * (size % 256)
    pieces = list(ROTATED.sealed_pieces(plain, "x"))
    assert ROTATED.unseal(b"".join(pieces), "x") == plain
    assert len(b"".join(pieces)) == len(ROTATED.seal(plain, "x"))
    assert max(map(len, pieces)) <= 2**20
    assert next(ROTATED.sealed_pieces(plain, "x")) != pieces[0]
    with pytest.raises(Unreadable):
        ROTATED.unseal(b"".join(pieces), "y")


@given(st.lists(st.text(max_size=30)))
def test_columns_keep_order_and_blanks(values: list[str]) -> None:
    sealed = RING.seal_many(values, "x")
    assert RING.unseal_many(sealed, "x") == values
    assert [not value for value in sealed] == [not value for value in values]


def test_rotation_opens_the_old_and_seals_with_the_new() -> None:
    old = RING.seal(b"account", "x")
    assert ROTATED.unseal(old, "x") == b"account"
    assert ROTATED.seal(b"account", "x")[0] == 2
    assert len(ROTATED.blind_indexes("NL01", "x")) == 2
    assert RING.blind_indexes("NL01", "x")[0] in ROTATED.blind_indexes("NL01", "x")
    assert RING.blind_indexes("NL01", "x") != RING.blind_indexes("NL01", "y")
    assert ROTATED.fernet_seeds()[1:] == RING.fernet_seeds()


@given(st.integers(min_value=0), st.binary(min_size=1, max_size=1))
def test_any_altered_byte_is_noticed(position: int, byte: bytes) -> None:
    sealed = RING.seal(b"a bank account", "x")
    position %= len(sealed)
    altered = sealed[:position] + byte + sealed[position + 1 :]
    if altered != sealed:
        with pytest.raises(Unreadable):
            RING.unseal(altered, "x")


@pytest.mark.parametrize(
    ("sealed", "words"),
    [
        (b"short", "too short"),
        (ROTATED.seal(b"v", "x"), "key 2 is not on the ring"),
        (RING.seal(b"v", "another place"), "altered"),
    ],
    ids=["short", "unknown key", "another place"],
)
def test_what_does_not_open_says_why(sealed: bytes, words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        RING.unseal(sealed, "x")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        f"a:{OLD}",
        f"0:{OLD}",
        f"256:{OLD}",
        "1:?",
        "1:AAAA",
        f"1:{OLD},1:{NEW}",
        f"1:{OLD},",
    ],
)
def test_a_broken_ring_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(KeyRingMalformed) as caught:
        KeyRing.from_text(text)
    assert OLD not in str(caught.value)
