"""The manifest: what belongs to an evidence package, each item with its SHA-256 digest.

The manifest file is canonical JSON (RFC 8785 for the values used here: strings and integers, keys
sorted, no spaces, UTF-8). The root digest is the SHA-256 of that very file, so that an auditor
recomputes it with nothing but ``sha256sum manifest.json``.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any

from .errors import ManifestMalformed, PathDuplicated, PathUnsafe

MANIFEST_PATH = "manifest.json"
CHECKSUMS_PATH = "SHA256SUMS"
SCHEMA = "finflow.evidence-manifest/1"

_DIGEST = re.compile(r"[0-9a-f]{64}")
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*")
_FORBIDDEN_IN_PATHS = re.compile(r'[\x00-\x1f\x7f\\:*?"<>|]')
_LONGEST_PATH = 255


@dataclass(frozen=True, slots=True, order=True)
class ManifestItem:
    """One file of a package.

    Args:
        path: relative, with forward slashes.
        sha256: lower-case hexadecimal digest of the content.
        size_bytes: length of the content.
        media_type: such as ``text/csv``.

    Raises:
        PathUnsafe: see :func:`require_safe_path`.
        ManifestMalformed: digest, size or media type is not one.
    """

    path: str
    sha256: str
    size_bytes: int
    media_type: str

    def __post_init__(self) -> None:
        require_safe_path(self.path)
        if not _DIGEST.fullmatch(self.sha256):
            raise ManifestMalformed(f"{self.path}: the digest is not 64 hexadecimal digits")
        if isinstance(self.size_bytes, bool) or self.size_bytes < 0:
            raise ManifestMalformed(f"{self.path}: the size is not a number of bytes")
        if not _MEDIA_TYPE.fullmatch(self.media_type):
            raise ManifestMalformed(f"{self.path}: {self.media_type!r} is not a media type")


@dataclass(frozen=True, slots=True)
class Manifest:
    """The items of a package, ordered by path.

    Args:
        package: identifier and version of the package, such as ``EP-2023-04 v2``.

    Raises:
        PathDuplicated: two paths differ in letter case at most.
        ManifestMalformed: the package has no printable name.
    """

    package: str
    items: tuple[ManifestItem, ...]

    def __post_init__(self) -> None:
        if not self.package or not self.package.isprintable():
            raise ManifestMalformed("the package's name is empty or not printable")
        seen: set[str] = set()
        for item in self.items:
            if item.path.casefold() in seen:
                raise PathDuplicated(f"{item.path} is listed twice")
            seen.add(item.path.casefold())
        object.__setattr__(self, "items", tuple(sorted(self.items)))

    def to_json(self) -> bytes:
        """The canonical bytes of the manifest file."""
        return _canonical(
            {
                "items": [
                    {
                        "media_type": item.media_type,
                        "path": item.path,
                        "sha256": item.sha256,
                        "size_bytes": item.size_bytes,
                    }
                    for item in self.items
                ],
                "package": self.package,
                "schema": SCHEMA,
            }
        )

    @property
    def root_sha256(self) -> str:
        """SHA-256 of the manifest file, hexadecimal."""
        return sha256_of(self.to_json())

    def to_checksums(self) -> bytes:
        """The items as ``sha256sum --check`` reads them."""
        lines = [f"{item.sha256}  {item.path}\n" for item in self.items]
        return "".join(lines).encode()


def require_safe_path(path: str) -> None:
    """Refuse a path that could not be stored, or would leave its folder, on any system.

    Raises:
        PathUnsafe: empty, absolute, with ``..``, a backslash, a control or reserved character,
            a name that ends in a dot or space, or longer than 255 characters.
    """
    parts = path.split("/")
    is_plain = (
        0 < len(path) <= _LONGEST_PATH
        and str(PurePosixPath(path)) == path
        and not path.startswith("/")
        and not _FORBIDDEN_IN_PATHS.search(path)
        and path.isprintable()
        and all(part != ".." and not part.endswith((".", " ")) for part in parts)
    )
    if not is_plain:
        raise PathUnsafe(f"{path!r} is not a safe relative path")


def sha256_of(content: bytes) -> str:
    """SHA-256 as lower-case hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def item_of(path: str, content: bytes, media_type: str) -> ManifestItem:
    """The manifest item of a content that is at hand."""
    return ManifestItem(path, sha256_of(content), len(content), media_type)


def _canonical(value: object) -> bytes:
    """RFC 8785 for objects of strings and integers with ASCII keys."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode()


def read_manifest(content: bytes) -> Manifest:
    """The manifest in a file.

    Raises:
        ManifestMalformed: not JSON, another schema, unknown or missing keys, wrong types, or not
            in canonical form (so that one manifest has exactly one root digest).
        PathUnsafe, PathDuplicated: a path that no package may have.
    """
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        raise ManifestMalformed("the manifest is not JSON") from None
    fields = _fields(document, {"items": list, "package": str, "schema": str})
    if fields["schema"] != SCHEMA:
        raise ManifestMalformed(f"the manifest's schema is not {SCHEMA}")
    manifest = Manifest(fields["package"], tuple(_item(entry) for entry in fields["items"]))
    if manifest.to_json() != content:
        raise ManifestMalformed("the manifest is not in canonical form")
    return manifest


def _item(entry: object) -> ManifestItem:
    kinds = {"media_type": str, "path": str, "sha256": str, "size_bytes": int}
    return ManifestItem(**_fields(entry, kinds))


def _fields(document: object, kinds: Mapping[str, type]) -> dict[str, Any]:
    """The document, if it is an object with exactly these keys of these kinds."""
    if not isinstance(document, dict) or document.keys() != kinds.keys():
        raise ManifestMalformed(f"expected an object with the keys {', '.join(kinds)}")
    for key, kind in kinds.items():
        if not isinstance(document[key], kind):
            raise ManifestMalformed(f"{key} is not of type {kind.__name__}")
    return document


class ManifestVerdict(StrEnum):
    """What the check of a package against its manifest says."""

    VALID = "valid"
    TAMPERED = "tampered"
    INCOMPLETE = "incomplete"
    UNANCHORED = "unanchored"


@dataclass(frozen=True, slots=True)
class ManifestReport:
    """The outcome of :func:`verify_manifest`.

    Args:
        root_sha256: recomputed.
        is_root_expected: None where no expected root was given, so nothing anchors the manifest.
        matching, altered, missing: paths of the manifest.
        unlisted: paths that are there without being in the manifest.
    """

    root_sha256: str
    is_root_expected: bool | None
    matching: tuple[str, ...]
    altered: tuple[str, ...]
    missing: tuple[str, ...]
    unlisted: tuple[str, ...]

    @property
    def verdict(self) -> ManifestVerdict:
        """Valid only if everything was there to check, and everything agreed."""
        if self.altered or self.unlisted or self.is_root_expected is False:
            return ManifestVerdict.TAMPERED
        if self.missing:
            return ManifestVerdict.INCOMPLETE
        if self.is_root_expected is None:
            return ManifestVerdict.UNANCHORED
        return ManifestVerdict.VALID


def verify_manifest(
    manifest_json: bytes, contents: Mapping[str, bytes], *, expected_root: str | None = None
) -> ManifestReport:
    """Compare contents with a manifest, and the manifest with the root known from elsewhere.

    Args:
        manifest_json: the manifest file.
        contents: path to bytes of everything at hand, without the manifest itself.
        expected_root: hexadecimal digest from the signed cover, or None if there is none.

    Raises:
        ManifestMalformed, PathUnsafe, PathDuplicated: see :func:`read_manifest`.
    """
    manifest = read_manifest(manifest_json)
    root = sha256_of(manifest_json)
    listed = {item.path: item for item in manifest.items}
    present = [path for path in listed if path in contents]
    matching = {path for path in present if _is_same(listed[path], contents[path])}
    return ManifestReport(
        root_sha256=root,
        is_root_expected=None if expected_root is None else expected_root.lower() == root,
        matching=_in_order(matching),
        altered=_in_order(set(present) - matching),
        missing=_in_order(listed.keys() - contents.keys()),
        unlisted=_in_order(contents.keys() - listed.keys()),
    )


def _is_same(item: ManifestItem, content: bytes) -> bool:
    return len(content) == item.size_bytes and sha256_of(content) == item.sha256


def _in_order(paths: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(paths))
