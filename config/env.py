"""What FinFlow reads from its environment, and what is wrong with it.

Reading never raises: a missing or malformed value is collected as a `Problem` and a stand-in is
returned, so that one start shows every fault, each as one line (see `config.checks`).
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

import environ
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from apps.privacy.keyring import KeyRing, KeyRingMalformed

_LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_HOST = re.compile(r"\*|\.?[a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\]", re.IGNORECASE)
_DESTINATION = re.compile(
    r"\.?[a-z0-9_]([a-z0-9_.-]*[a-z0-9])?(/\d{1,3})?|[0-9a-f:.]*:[0-9a-f:.]*(/\d{1,3})?|/[^\s,]+",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"[^@\s<>]+@[^@\s<>]+")
_ORIGIN = re.compile(r"https?://(\*\.)?[a-z0-9.-]+(:\d+)?", re.IGNORECASE)


@dataclass(frozen=True)
class Problem:
    """A setting that stops the start: which one, why, and what to do."""

    setting: str
    reason: str
    remedy: str


PROBLEMS: list[Problem] = []


def _complain(setting: str, reason: str, remedy: str) -> None:
    if (setting, reason) not in {(known.setting, known.reason) for known in PROBLEMS}:
        PROBLEMS.append(Problem(setting, reason, remedy))


def text(name: str, *, default: str | None = None, remedy: str = "") -> str:
    """The variable's text; a problem if it is missing and has no default.

    Where the variable is not set, `<name>_FILE` may name a file that holds the text, as
    container platforms hand over secrets.
    """
    if name not in os.environ and os.environ.get(f"{name}_FILE"):
        return _file(f"{name}_FILE")[1].decode(errors="replace").strip()
    value = os.environ.get(name, default)
    if value is None or (value == "" and default is None):
        _complain(name, "is not set", remedy or f"set {name} in the environment")
        return ""
    return value


def secret(name: str, *, least_characters: int) -> str:
    """A secret of at least so many characters; a stand-in that is never used if it is not."""
    remedy = f"set {name} to {least_characters} or more random characters"
    value = text(name, remedy=remedy)
    if value and len(value) < least_characters:
        _complain(name, f"has {len(value)} characters", remedy)
    return value or "unset"


def words(name: str, *, default: str = "") -> list[str]:
    """A comma-separated list without blanks."""
    return [word.strip() for word in os.environ.get(name, default).split(",") if word.strip()]


def hosts(name: str, *, default: str | None = None) -> list[str]:
    """Host names, without scheme and port."""
    remedy = f"set {name} to host names by comma, for example finflow.example.com"
    raw = text(name, default=default, remedy=remedy)
    found = words(name, default=default or "")
    if (raw and not found) or not all(_HOST.fullmatch(host) for host in found):
        _complain(name, "has something that is not a host name", remedy)
    return found


def origins(name: str) -> list[str]:
    """Origins, with scheme and without path."""
    found = words(name)
    if not all(_ORIGIN.fullmatch(origin) for origin in found):
        _complain(
            name,
            "has something that is not an origin",
            f"for example {name}=https://finflow.example.com",
        )
        return []
    return found


def origin(name: str) -> str:
    """One origin, with scheme and without path; empty is fine."""
    return next(iter(origins(name)), "")


def destinations(name: str) -> list[str]:
    """Hosts, addresses, networks and paths of sockets, by comma; without scheme and port."""
    found = words(name)
    if not all(_DESTINATION.fullmatch(one) for one in found):
        _complain(
            name,
            "has something that is neither a host nor a network",
            f"for example {name}=api.example.com,10.1.0.0/16",
        )
        return []
    return found


def some_of(name: str, *, choices: tuple[str, ...]) -> list[str]:
    """Some of a few words, by comma; none is fine."""
    found = words(name)
    if not set(found) <= set(choices):
        _complain(name, f"is not made of {', '.join(choices)}", f"for example {name}={choices[0]}")
        return []
    return found


def integer(name: str, *, default: int, least: int = 0, most: int = 2**63 - 1) -> int:
    """A whole number from `least` to `most`."""
    raw = os.environ.get(name, "").strip()
    if not raw:
        return default
    if not re.fullmatch(r"[0-9]{1,19}", raw) or not least <= int(raw) <= most:
        limits = f"of at least {least}" if most == 2**63 - 1 else f"from {least} to {most}"
        _complain(name, f"is not a whole number {limits}", f"for example {name}={default}")
        return default
    return int(raw)


def choice(name: str, *, choices: tuple[str, ...], default: str) -> str:
    """One of a few words, in any case."""
    chosen = os.environ.get(name, "").strip() or default
    found = [word for word in choices if word.lower() == chosen.lower()]
    if not found:
        _complain(name, f"is not one of {', '.join(choices)}", f"for example {name}={default}")
        return default
    return found[0]


def log_level(name: str = "LOG_LEVEL", *, default: str) -> str:
    """A level of Python's logging."""
    return choice(name, choices=_LOG_LEVELS, default=default)


def address(name: str, *, default: str) -> str:
    """An e-mail address."""
    given = os.environ.get(name, "").strip() or default
    if not _ADDRESS.fullmatch(given):
        _complain(name, "is not an e-mail address", f"for example {name}=finflow@example.com")
        return default
    return given


def database(name: str = "DATABASE_URL") -> dict[str, Any]:
    """Django's connection settings from a `postgres://` URL."""
    remedy = f"set {name}=postgres://user:password@host:5432/database"
    unset = {"ENGINE": "django.db.backends.postgresql", "NAME": "unset"}
    raw = text(name, remedy=remedy)
    parts = _url_parts(name, raw, schemes={"postgres", "postgresql"}, remedy=remedy)
    if parts is None:
        return unset
    settings = dict(environ.Env.db_url_config(raw, engine="django.db.backends.postgresql"))
    if not settings.get("NAME"):
        _complain(name, "names no database", remedy)
    socket_folder = unquote(parts.netloc.rpartition("@")[2])
    if socket_folder.startswith("/"):
        settings["HOST"] = socket_folder  # urlsplit would lower its letters
    return settings


def redis(name: str = "REDIS_URL") -> str:
    """A `redis://`, `rediss://` or `unix://` URL."""
    remedy = f"set {name}=redis://host:6379/0"
    raw = text(name, remedy=remedy)
    parts = _url_parts(name, raw, schemes={"redis", "rediss", "unix"}, remedy=remedy)
    if parts is None:
        return ""
    if parts.scheme != "unix" and not re.fullmatch(r"/?[0-9]*", parts.path):
        _complain(name, "names a database that is not a number", remedy)
        return ""
    return raw


def _url_parts(name: str, raw: str, *, schemes: set[str], remedy: str) -> SplitResult | None:
    """The URL taken apart; None, and a problem, if it is none of these schemes."""
    if not raw:
        return None  # missing, which is on the list
    try:
        parts = urlsplit(raw)
        is_right = parts.scheme in schemes and (parts.port is None or parts.port > 0)
    except ValueError:  # brackets that do not close, a port that is no number
        is_right = False
    if not is_right:
        kind = "PostgreSQL" if "postgres" in schemes else "Redis"
        _complain(name, f"is not a {kind} URL", remedy)
        return None
    return parts


def fernet_seeds(key_ring: str) -> list[bytes]:
    """What encrypted model fields derive their keys from; the key ring's check names faults."""
    try:
        return KeyRing.from_text(key_ring).fernet_seeds()
    except KeyRingMalformed:
        return []


def folder(name: str, *, default: Path) -> str:
    """The path of a folder, which need not exist yet."""
    path = Path(os.environ.get(name) or default)
    if path.exists() and not (path.is_dir() and os.access(path, os.R_OK | os.X_OK)):
        _complain(name, "is not a folder that can be read", "check the path and its permissions")
    return str(path)


def rsa_key(name: str) -> str:
    """The content of the file that the variable names, which holds an RSA private key (PEM)."""
    path, content = _file(name)
    if content and not isinstance(_private_key(name, content), RSAPrivateKey | None):
        _complain(name, "is a key of another kind than RSA", "make one: openssl genrsa 3072")
    return content.decode(errors="replace") if path else ""


def signing_files(key_name: str, certificate_name: str) -> tuple[str, str]:
    """The paths of a private key and of its certificate, both PEM."""
    key_path, key_content = _file(key_name)
    certificate_path, certificate_content = _file(certificate_name)
    key = _private_key(key_name, key_content) if key_content else None
    certificate = (
        _certificate(certificate_name, certificate_content) if certificate_content else None
    )
    if key and certificate and certificate.public_key() != key.public_key():
        _complain(
            certificate_name,
            f"is not the certificate of {key_name}",
            "name a key and the certificate that was made for it",
        )
    return key_path, certificate_path


def _file(name: str) -> tuple[str, bytes]:
    """Path and content of the file that the variable names; empty if it cannot be read."""
    path = text(name, remedy=f"set {name} to the path of a readable file")
    if not path:
        return "", b""
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        _complain(name, f"cannot be read ({error.strerror})", "check the path and its permissions")
        return path, b""
    if not content:
        _complain(name, "names an empty file", "put the key or certificate into it")
    return path, content


def _private_key(name: str, content: bytes) -> PrivateKeyTypes | None:
    try:
        return load_pem_private_key(content, password=None, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: it has a passphrase
        _complain(
            name,
            "is not a private key in PEM form without a passphrase",
            "name a file that starts with -----BEGIN PRIVATE KEY-----",
        )
        return None


def _certificate(name: str, content: bytes) -> x509.Certificate | None:
    try:
        return x509.load_pem_x509_certificate(content)
    except ValueError:
        _complain(
            name,
            "is not a certificate in PEM form",
            "name a file that starts with -----BEGIN CERTIFICATE-----",
        )
        return None
