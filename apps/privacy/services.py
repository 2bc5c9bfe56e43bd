"""Keep bytes where only the key ring opens them."""

from __future__ import annotations

from collections.abc import Iterator

from django.core.files.base import File
from django.core.files.storage import default_storage

from apps.privacy.keyring import Unreadable
from apps.privacy.selectors import key_ring, sealed_content


def keep_sealed(name: str, content: bytes, label: str) -> str:
    """Seal the bytes and store them; bytes that are stored already are not stored again.

    What lies there is opened and compared first: a process that died while it was writing may
    have left half a file, and half a file must not be taken for the whole.

    Args:
        name: where to store them; it ends in their SHA-256.
        label: what `apps.privacy.keyring.KeyRing.seal` asks for.

    Returns:
        The name under which the storage has them.
    """
    if _holds(name, content, label):
        return name
    return default_storage.save(name, _Sealed(content, label))


class _Sealed(File):  # type: ignore[type-arg]  # it takes none at run time
    """Bytes that are sealed while the storage takes them."""

    def __init__(self, content: bytes, label: str) -> None:
        super().__init__(None)
        self._content, self._label = content, label

    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
        """All of it, in pieces of the key ring's size."""
        return key_ring().sealed_pieces(self._content, self._label)


def _holds(name: str, content: bytes, label: str) -> bool:
    try:
        return sealed_content(name, label) == content
    except (FileNotFoundError, Unreadable):
        return False
