"""Files that somebody drops: in the entity's folder, or in object storage.

Object storage goes through fsspec, which has one driver for each protocol. A protocol has to be
allowed by the installation, since `file` reads this machine.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import fsspec
from fsspec.registry import known_implementations

from apps.ingestion.connectors.contract import Pulled, Site, Window
from apps.ingestion.connectors.errors import (
    AccessRefused,
    AnswerTooLarge,
    ConnectorInvalid,
    EgressRefused,
    NothingThere,
    Unreachable,
)
from apps.ingestion.connectors.fields import Fields, credentials_within

# Protocol: the names of its credentials, as its driver calls them.
PROTOCOLS: Mapping[str, tuple[str, ...]] = {
    "s3": ("key", "secret", "token"),
    "gs": ("token",),
    "abfs": ("account_key", "sas_token"),
    "file": (),
    "memory": (),
}
_CHUNK = 1024 * 1024
# Errors of drivers that are no OSError, by the module that has them once its driver is loaded.
_DRIVER_ERRORS = (
    ("botocore.exceptions", "BotoCoreError"),
    ("azure.core.exceptions", "AzureError"),
    ("google.auth.exceptions", "GoogleAuthError"),
    ("gcsfs.retry", "HttpError"),
    ("aiohttp", "ClientError"),
)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the file lies: a path below the entity's folder, or a URL of object storage."""

    path: str = ""
    url: str = ""
    endpoint: str = ""
    account_name: str = ""

    @property
    def protocol(self) -> str:
        return self.url.partition("://")[0] if self.url else ""


class Drop:
    """A file in the drop folder or in object storage, its path with the period's name."""

    name = "drop"
    title = "File drop"

    def check(
        self, settings: Mapping[str, Any], credentials: Mapping[str, str], site: Site
    ) -> None:
        """See `Connector.check`."""
        place = _place(settings, site)
        credentials_within(credentials, PROTOCOLS.get(place.protocol, ()))
        if place.protocol == "gs":
            _service_account(credentials)

    def destination(self, settings: Mapping[str, Any]) -> str:
        """See `Connector.destination`: the bucket, and the server that is asked for it."""
        parts = urlsplit(str(settings.get("url", "")))
        place = [parts.scheme, parts.netloc, settings.get("endpoint"), settings.get("account_name")]
        return " ".join(str(one or "") for one in place)

    def pull(
        self,
        settings: Mapping[str, Any],
        credentials: Mapping[str, str],
        window: Window,
        site: Site,
    ) -> Pulled:
        """See `Connector.pull`. The file is read only if it is not larger than what is taken."""
        place = _place(settings, site)
        asked = window.filled(place.url or place.path)
        if place.url:
            content = _from_storage(asked, _options(place, credentials), site)
        else:
            content = _from_folder(asked, site)
        return Pulled(
            content=content,
            filename=PurePosixPath(asked).name,
            query_text=asked,
            parameters=window.values,
        )


def _place(settings: Mapping[str, Any], site: Site) -> _Place:
    """The checked settings.

    Raises:
        ConnectorInvalid: names the setting at fault.
    """
    fields = Fields(settings)
    place = _Place(
        path=fields.text("path", default=""),
        url=fields.text("url", default=""),
        endpoint=fields.text("endpoint", default=""),
        account_name=fields.text("account_name", default=""),
    )
    fields.end()
    if bool(place.path) == bool(place.url):
        raise ConnectorInvalid("path", "or url is needed, and not both.")
    if place.path:
        _require_below(place.path)
    else:
        _require_allowed(place, site)
    return place


def _require_below(path: str) -> None:
    parts = PurePosixPath(path)
    if parts.is_absolute() or ".." in parts.parts or not parts.name:
        raise ConnectorInvalid(
            "path",
            "has to stay below the entity's folder.",
            remedy="Write a path such as {period}/statement.xml.",
        )


def _require_allowed(place: _Place, site: Site) -> None:
    allowed = [one for one in site.storage_protocols if one in PROTOCOLS]
    if place.protocol not in allowed or "::" in place.url:
        raise ConnectorInvalid(
            "url",
            f"has to begin with one of: {', '.join(f'{one}://' for one in allowed) or 'none'}.",
            remedy="Have the protocol added to STORAGE_PROTOCOLS, or use another one.",
        )
    parts = urlsplit(place.url)
    if parts.username is not None or parts.password is not None:
        raise ConnectorInvalid("url", "holds credentials; enter them as credentials.")
    if not PurePosixPath(parts.path).name or ".." in PurePosixPath(parts.path).parts:
        raise ConnectorInvalid("url", "names no file.")
    for name, protocol in (("endpoint", "s3"), ("account_name", "abfs")):
        if getattr(place, name) and place.protocol != protocol:
            raise ConnectorInvalid(name, f"belongs to {protocol}:// alone.")
    if place.endpoint:
        _require_endpoint(place.endpoint, site)
    try:
        fsspec.get_filesystem_class(place.protocol)
    except (ImportError, ValueError):
        driver = known_implementations.get(place.protocol, {}).get("class", "").partition(".")[0]
        raise ConnectorInvalid(
            "url",
            f"needs a driver that is not installed ({driver}).",
            remedy="Have the driver installed.",
        ) from None


def _require_endpoint(endpoint: str, site: Site) -> None:
    parts = urlsplit(endpoint)
    if parts.scheme != "https" or not parts.hostname or parts.username is not None:
        raise ConnectorInvalid("endpoint", "is an https URL without credentials.")
    try:
        site.egress.require_listed(parts.hostname)
    except EgressRefused as refusal:
        raise ConnectorInvalid("endpoint", refusal.message, remedy=refusal.remedy) from None


def _options(place: _Place, credentials: Mapping[str, str]) -> dict[str, Any]:
    """What the driver is built with; its caches are left out, since files change under a name."""
    options: dict[str, Any] = {"skip_instance_cache": True, "use_listings_cache": False}
    if place.protocol in ("file", "memory"):
        return options
    if place.protocol == "gs":
        return {**options, "token": _service_account(credentials)}
    if place.endpoint:
        options["endpoint_url"] = place.endpoint
    if place.account_name:
        options["account_name"] = place.account_name
    if not credentials:
        options["anon"] = True  # never what this machine itself may read
    return {**options, **credentials}


def _service_account(credentials: Mapping[str, str]) -> dict[str, Any]:
    """The token of Google storage: the JSON of a service account, never a path of this machine."""
    try:
        account = json.loads(credentials.get("token", ""))
    except ValueError:
        account = None
    if not isinstance(account, dict):
        raise ConnectorInvalid("credentials.token", "is the JSON text of a service account.")
    return account


def _from_storage(url: str, options: Mapping[str, Any], site: Site) -> bytes:
    try:
        system, path = fsspec.core.url_to_fs(url, **options)
        size = system.info(path)["size"]
        if isinstance(size, int) and size > site.max_bytes:
            raise _too_large(site)
        with system.open(path, "rb") as stream:
            return _whole(stream, site)
    except FileNotFoundError:
        raise NothingThere from None
    except PermissionError:
        raise AccessRefused from None
    except _no_answers() as error:
        raise Unreachable(f"The storage does not answer ({type(error).__name__}).") from None


def _no_answers() -> tuple[type[Exception], ...]:
    """What a driver raises when the storage does not answer; those of drivers that are loaded."""
    theirs = (
        getattr(sys.modules[module], name)
        for module, name in _DRIVER_ERRORS
        if module in sys.modules
    )
    return (OSError, ImportError, ValueError, *theirs)


def _from_folder(path: str, site: Site) -> bytes:
    """The file's content; a link that leads out of the folder is as good as no file."""
    folder = site.drop_folder.resolve()
    file = (folder / path).resolve()
    if not file.is_relative_to(folder) or not file.is_file():
        raise NothingThere(f"{Path(path).name} is not in the drop folder.")
    try:
        if file.stat().st_size > site.max_bytes:
            raise _too_large(site)
        with file.open("rb") as stream:
            return _whole(stream, site)
    except OSError as error:
        raise NothingThere(f"{file.name} cannot be read: {error.strerror}.") from None


def _whole(stream: Any, site: Site) -> bytes:
    """Everything in the stream, though it may have grown since its size was asked."""
    content = bytearray()
    while chunk := stream.read(_CHUNK):
        content += chunk
        if len(content) > site.max_bytes:
            raise _too_large(site)
    return bytes(content)


def _too_large(site: Site) -> AnswerTooLarge:
    return AnswerTooLarge(f"The file is larger than {site.max_bytes:,} bytes.")
