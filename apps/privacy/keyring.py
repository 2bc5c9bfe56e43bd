"""The key ring and what is done with it: AES-GCM for bytes in bulk, HMAC for look-ups.

Keys live outside the database (`FINFLOW_KEY_RING=2:<base64>,1:<base64>`): the first seals, all of
them open. Rotation is: put a new key in front, restart, re-seal at leisure, drop the old one.
A sealed value is: key id (1 byte), nonce (12 bytes), ciphertext with tag.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import GCM

_NONCE = 12
_PIECE = 1 << 20


class KeyRingMalformed(ValueError):
    """The key ring's text is not `id:base64,...`; says which part."""


class Unreadable(ValueError):
    """A sealed value was altered, belongs elsewhere, or its key is gone."""


@dataclass(frozen=True)
class KeyRing:
    """Keys by id (1 to 255), 32 bytes each, the current one first."""

    keys: tuple[tuple[int, bytes], ...]

    @classmethod
    def from_text(cls, text: str) -> KeyRing:
        """Read `id:base64,id:base64`.

        Raises:
            KeyRingMalformed: says which part is wrong, without showing the key.
        """
        keys = tuple(_read_key(number, part) for number, part in enumerate(text.split(","), 1))
        if len({key_id for key_id, _ in keys}) != len(keys):
            raise KeyRingMalformed("two keys have the same id")
        return cls(keys)

    def seal(self, plain: bytes, label: str) -> bytes:
        """Encrypt under the current key.

        Args:
            label: a fixed logical name of the place ("ingestion.batch.original"); a value sealed
                for one place does not open in another.
        """
        key_id, cipher = self._current
        nonce = os.urandom(_NONCE)
        return bytes([key_id]) + nonce + cipher.encrypt(nonce, plain, label.encode())

    def sealed_pieces(self, plain: bytes, label: str) -> Iterator[bytes]:
        """What `seal` gives, piece by piece: nobody has all of it in memory."""
        key_id, key = self.keys[0]
        nonce = os.urandom(_NONCE)
        cipher = Cipher(AES(key), GCM(nonce)).encryptor()
        cipher.authenticate_additional_data(label.encode())
        yield bytes([key_id]) + nonce
        rest = memoryview(plain)
        for start in range(0, len(plain), _PIECE):
            yield cipher.update(rest[start : start + _PIECE])
        yield cipher.finalize() + cipher.tag

    def unseal(self, sealed: bytes, label: str) -> bytes:
        """Decrypt.

        Raises:
            Unreadable: altered, from another place, or sealed by a key that is not on the ring.
        """
        if len(sealed) <= _NONCE + 16:
            raise Unreadable("too short to be a sealed value")
        cipher = self._ciphers.get(sealed[0])
        if cipher is None:
            raise Unreadable(f"key {sealed[0]} is not on the ring")
        nonce, body = sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :]
        try:
            return cipher.decrypt(nonce, body, label.encode())
        except InvalidTag:
            raise Unreadable("altered, or sealed for another place") from None

    def seal_many(self, values: Iterable[str], label: str) -> list[bytes]:
        """Seal a column of texts; an empty text stays empty (it tells nothing)."""
        key_id, cipher = self._current
        head, associated = bytes([key_id]), label.encode()
        sealed = []
        for value in values:
            if not value:
                sealed.append(b"")
                continue
            nonce = os.urandom(_NONCE)
            sealed.append(head + nonce + cipher.encrypt(nonce, value.encode(), associated))
        return sealed

    def unseal_many(self, values: Iterable[bytes], label: str) -> list[str]:
        """Open a column of sealed texts.

        Raises:
            Unreadable: at the first value that does not open.
        """
        return [self.unseal(bytes(value), label).decode() if value else "" for value in values]

    def blind_indexes(self, value: str, label: str) -> list[str]:
        """Keyed hashes to look a sealed value up by, the current key's first (128 bits, hex)."""
        return [
            hmac.new(key, f"{label}\0{value}".encode(), hashlib.sha256).hexdigest()[:32]
            for key in self._index_keys
        ]

    def fernet_seeds(self) -> list[bytes]:
        """What django-fernet-fields derives its keys from, current first."""
        return [_derive(key, "fernet") for _, key in self.keys]

    @cached_property
    def _ciphers(self) -> dict[int, AESGCM]:
        return {key_id: AESGCM(key) for key_id, key in self.keys}

    @cached_property
    def _current(self) -> tuple[int, AESGCM]:
        key_id = self.keys[0][0]
        return key_id, self._ciphers[key_id]

    @cached_property
    def _index_keys(self) -> list[bytes]:
        return [_derive(key, "blind index") for _, key in self.keys]


def _read_key(number: int, part: str) -> tuple[int, bytes]:
    name, separator, encoded = part.strip().partition(":")
    if not separator or not name.isdigit() or not 1 <= int(name) <= 255:
        raise KeyRingMalformed(f"key {number} does not start with an id from 1 to 255 and a colon")
    try:
        key = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        raise KeyRingMalformed(f"key {number} is not base64") from None
    if len(key) != 32:
        raise KeyRingMalformed(f"key {number} has {len(key)} bytes instead of 32")
    return int(name), key


def _derive(key: bytes, purpose: str) -> bytes:
    """A key of its own for each purpose."""
    return hmac.new(key, f"finflow {purpose}".encode(), hashlib.sha256).digest()
