"""HTTP sources: page after page of JSON records, or one file as it is.

Every request goes to an address that was checked right before it, under the name of the host, so
that certificates are verified as ever. Redirects are not followed. Whatever breaks off is asked
for again a few times; a page that stays away leaves nothing behind.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import PurePosixPath
from typing import Any, Final

import httpx
from tenacity import (
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    wait_random_exponential,
)

from apps.ingestion.connectors.contract import Pulled, Site, Window
from apps.ingestion.connectors.egress import is_public
from apps.ingestion.connectors.errors import (
    AccessRefused,
    AnswerMalformed,
    AnswerRefused,
    AnswerTooLarge,
    ConnectorInvalid,
    EgressRefused,
    PullFailed,
    TookTooLong,
    Unreachable,
)
from apps.ingestion.connectors.exact_json import document, parsed
from apps.ingestion.connectors.fields import Fields, credentials_within
from apps.ingestion.connectors.paging import Paging, member, origin

# How a credential is shown to the other side: the name of the secret.
_AUTH: Final = {"none": (), "bearer": ("token",), "basic": ("password",), "header": ("value",)}
_TRIES: Final = 4
_LONGEST_WAIT_SECONDS: Final = 8
_OUR_HEADERS: Final = ("host", "authorization", "content-length", "transfer-encoding", "cookie")


@dataclass(frozen=True, slots=True)
class _Request:
    """The checked settings."""

    url: str
    parameters: Mapping[str, str]
    headers: Mapping[str, str]
    auth: str
    auth_name: str
    records: str
    is_records: bool
    paging: Paging
    page_limit: int
    timeout_seconds: int


@dataclass(frozen=True, slots=True)
class _Page:
    """One answer, whole."""

    content: bytes
    headers: httpx.Headers


class Http:
    """A web service that answers with records or with a file."""

    name = "http"
    title = "HTTP (REST)"

    def check(
        self, settings: Mapping[str, Any], credentials: Mapping[str, str], site: Site
    ) -> None:
        """See `Connector.check`."""
        asked = _request(settings, site)
        known = _AUTH[asked.auth]
        credentials_within(credentials, known)
        for name in known:
            if name not in credentials:
                raise ConnectorInvalid(f"credentials.{name}", f"is needed for {asked.auth}.")
            if not credentials[name].isascii() or not credentials[name].isprintable():
                raise ConnectorInvalid(f"credentials.{name}", "has a character of no header.")

    def destination(self, settings: Mapping[str, Any]) -> str:
        """See `Connector.destination`: scheme, host and port."""
        try:
            return str(origin(httpx.URL(str(settings.get("url", "")))))
        except httpx.InvalidURL:
            return ""

    def pull(
        self,
        settings: Mapping[str, Any],
        credentials: Mapping[str, str],
        window: Window,
        site: Site,
    ) -> Pulled:
        """See `Connector.pull`."""
        asked = _request(settings, site)
        filled = {name: window.filled(value) for name, value in asked.parameters.items()}
        url = httpx.URL(window.filled(asked.url)).copy_merge_params(filled)
        with _Session(asked, credentials, site) as session:
            pages = list(_pages(session, asked, url, site))
        if asked.is_records:
            rows = [row for page, _ in pages for row in page]
            content, suffix = document(rows, max_bytes=site.max_bytes), ".json"
        else:
            content, suffix = pages[0][1].content, ""
        given = "{period_start}" in str(settings) and "{period_end}" in str(settings)
        return Pulled(
            content=content,
            filename=(PurePosixPath(url.path).name or window.period) + suffix,
            query_text=f"GET {url}",
            parameters={
                **window.values,
                "pages": [hashlib.sha256(page.content).hexdigest() for _, page in pages],
            },
            is_of_window=given,
        )


def _request(settings: Mapping[str, Any], site: Site) -> _Request:
    """The checked settings.

    Raises:
        ConnectorInvalid: names the setting at fault.
    """
    fields = Fields(settings)
    auth = fields.inner("auth")
    kind = auth.choice("kind", _AUTH, default="none")
    asked = _Request(
        url=fields.text("url"),
        parameters=fields.texts("parameters"),
        headers=fields.texts("headers"),
        auth=kind,
        auth_name=auth.text({"basic": "username", "header": "name"}[kind])
        if kind in ("basic", "header")
        else "",
        is_records=fields.flag("has_records"),
        records=fields.text("records", default=""),
        paging=Paging.from_fields(fields.inner("paging")),
        page_limit=fields.number("page_limit", default=1_000, least=1, most=100_000),
        timeout_seconds=fields.number("timeout_seconds", default=60, least=1, most=1_200),
    )
    auth.end()
    fields.end()
    _require_url(asked.url, site)
    _require_headers(asked)
    if not asked.is_records and (asked.records or asked.paging.kind != "none"):
        raise ConnectorInvalid(
            "has_records", "has to be true where the answer has pages, or a path to its records."
        )
    return asked


def _require_url(text: str, site: Site) -> None:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        raise ConnectorInvalid("url", "is no URL.") from None
    if url.scheme not in ("https", "http") or not url.host or "{" in url.host:
        raise ConnectorInvalid("url", "is a URL such as https://api.example.com/transactions.")
    if url.userinfo:
        raise ConnectorInvalid("url", "holds credentials; enter them as credentials.")
    try:
        site.egress.require_listed(url.host)
    except EgressRefused as refusal:
        raise ConnectorInvalid("url", refusal.message, remedy=refusal.remedy) from None


def _require_headers(asked: _Request) -> None:
    given = dict(asked.headers)
    if asked.auth == "header":
        given[asked.auth_name] = ""
    for name, value in given.items():
        path = "auth.name" if name == asked.auth_name else f"headers.{name}"
        is_word = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
        if not is_word or name.casefold() in _OUR_HEADERS:
            raise ConnectorInvalid(path, "is no header that may be set here.")
        if not value.isascii() or (value and not value.isprintable()):
            raise ConnectorInvalid(path, "has a character of no header.")


def _pages(
    session: _Session, asked: _Request, url: httpx.URL, site: Site
) -> Iterator[tuple[list[Any], _Page]]:
    """Each page with its records, to the last; more bytes or pages than are taken are refused.

    Raises:
        PullFailed: a page is missing, or not what the settings say.
    """
    following: httpx.URL | None = asked.paging.first(url)
    seen: set[str] = set()
    size = 0
    while following is not None:
        if str(following) in seen:
            raise AnswerMalformed("The pages lead back to one that was there already.")
        if len(seen) == asked.page_limit:
            raise AnswerTooLarge(f"There are more than {asked.page_limit:,} pages.")
        seen.add(str(following))
        page = session.page(following, max_bytes=site.max_bytes - size)
        size += len(page.content)
        if not asked.is_records:
            yield [], page
            return
        answer = _parsed(page)
        rows = _rows(answer, asked.records)
        yield rows, page
        following = asked.paging.following(following, answer, page.headers, len(rows))


def _parsed(page: _Page) -> Any:
    try:
        return parsed(page.content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise AnswerMalformed("The answer is not JSON.") from None


def _rows(answer: Any, path: str) -> list[Any]:
    rows = member(answer, path)
    if not isinstance(rows, list):
        raise AnswerMalformed(f"The answer has no list at {path or 'its top'}.")
    if not all(isinstance(row, dict) for row in rows):
        raise AnswerMalformed("A record of the answer is not a JSON object.")
    return rows


class _Session:
    """Requests of one pull: to checked addresses, with its credentials, tried a few times."""

    def __init__(self, asked: _Request, credentials: Mapping[str, str], site: Site) -> None:
        self._asked = asked
        self._site = site
        self._secrets = credentials
        self._ends_at = time.monotonic() + asked.timeout_seconds
        # Nothing of this machine's own is used: no proxy, no netrc, no cookie, no redirect.
        self._client = httpx.Client(
            trust_env=False, follow_redirects=False, timeout=asked.timeout_seconds
        )
        self._retrying = Retrying(
            stop=stop_after_attempt(_TRIES),
            wait=wait_random_exponential(multiplier=0.5, max=_LONGEST_WAIT_SECONDS),
            retry=retry_if_exception(_is_worth_another_try),
            sleep=site.sleep,
            reraise=True,
        )

    def __enter__(self) -> _Session:
        return self

    def __exit__(self, *exception: object) -> None:
        self._client.close()

    def page(self, url: httpx.URL, *, max_bytes: int) -> _Page:
        """One whole answer.

        Raises:
            PullFailed: there is none, after a few tries where those may help.
        """
        return self._retrying(self._once, url, max_bytes)

    def _once(self, url: httpx.URL, max_bytes: int) -> _Page:
        request = self._built(url)
        try:
            response = self._client.send(request, stream=True)
            try:
                _require_ok(response)
                return _Page(self._whole(response, max_bytes), response.headers)
            finally:
                response.close()
        except httpx.TimeoutException:
            raise TookTooLong from None
        except httpx.HTTPError as error:
            raise Unreachable(
                f"The other side does not answer, or breaks off ({type(error).__name__})."
            ) from None

    def _built(self, url: httpx.URL) -> httpx.Request:
        """The request to the checked address; host and certificate are those of the name."""
        address = self._site.egress.address_of(url.host)
        if url.scheme == "http" and is_public(ip_address(address)):
            raise EgressRefused("Over the internet a source is fetched by https alone.")
        return self._client.build_request(
            "GET",
            url.copy_with(host=address),
            headers={**self._asked.headers, **self._auth(), "Host": url.netloc.decode()},
            extensions={"sni_hostname": url.host},
        )

    def _auth(self) -> dict[str, str]:
        asked = self._asked
        if asked.auth == "bearer":
            return {"Authorization": f"Bearer {self._secrets['token']}"}
        if asked.auth == "header":
            return {asked.auth_name: self._secrets["value"]}
        if asked.auth == "basic":
            basic = httpx.BasicAuth(asked.auth_name, self._secrets["password"])
            request = next(basic.auth_flow(httpx.Request("GET", "https://unused.invalid")))
            return {"Authorization": request.headers["Authorization"]}
        return {}

    def _whole(self, response: httpx.Response, max_bytes: int) -> bytes:
        content = bytearray()
        for chunk in response.iter_bytes():
            content += chunk
            if len(content) > max_bytes:
                raise AnswerTooLarge(f"The answer is larger than {self._site.max_bytes:,} bytes.")
            if time.monotonic() > self._ends_at:
                raise TookTooLong
        return bytes(content)


def _is_worth_another_try(error: BaseException) -> bool:
    """Only what may pass at once; what took too long is left to a later try of the pull."""
    return isinstance(error, Unreachable)


def _require_ok(response: httpx.Response) -> None:
    """Refuse every answer that is not the one that was asked for."""
    status = response.status_code
    if status == 200:
        return
    refusal: PullFailed = AnswerRefused(f"The other side answers with status {status}.")
    if status in (401, 403, 407):
        refusal = AccessRefused()
    elif status in (408, 425, 429) or status >= 500:
        refusal = Unreachable(f"The other side answers with status {status}.")
    elif 300 <= status < 400:
        refusal = AnswerRefused("The other side sends the request elsewhere (a redirect).")
    raise refusal
