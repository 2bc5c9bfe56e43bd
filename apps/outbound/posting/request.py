"""One POST to a checked address.

The host has to be on the installation's list, and the request goes to the very address that was
checked, under the name of the host (see `apps.ingestion.connectors.egress`). Redirects are not
followed, and no more of the answer is read than is kept.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

import httpx

from apps.ingestion.connectors import EgressRules, PullFailed
from apps.ingestion.connectors.egress import is_public
from apps.ingestion.connectors.errors import EgressRefused

KEPT_BYTES: Final = 1024
_TIMEOUT: Final = httpx.Timeout(10, connect=5)
_LONGEST_ANSWER_SECONDS: Final = 15
_LONGEST_URL: Final = 500


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one attempt.

    Attributes:
        status_code: None where no answer came.
        duration_ms: from the look-up of the name to the end of what was read.
        error: why it counts as failed, for people; empty where it was taken.
        text: the first 1,024 bytes of the answer.
        retry_after_seconds: what the other side asked for; 0 if nothing.
    """

    status_code: int | None
    duration_ms: int
    error: str = ""
    text: str = ""
    retry_after_seconds: int = 0

    @property
    def is_taken(self) -> bool:
        """The other side said so: a status from 200 to 299."""
        return not self.error

    @property
    def is_gone(self) -> bool:
        """The other side wants nothing more."""
        return self.status_code == httpx.codes.GONE


def check_url(text: str, egress: EgressRules) -> str:
    """Why nothing may be sent to this URL, for people; empty if it may be.

    Nothing is resolved here: what a name stands for is checked at each attempt.
    """
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        return "This is no URL."
    if url.scheme not in ("https", "http") or not url.host or len(text) > _LONGEST_URL:
        return f"Give a URL of up to {_LONGEST_URL} characters, such as https://example.com/hook."
    if url.userinfo or url.fragment:
        return "A URL holds neither a password nor a part after '#'."
    try:
        egress.require_listed(url.host)
    except EgressRefused as refusal:
        return refusal.words
    return ""


def post(url: str, *, body: bytes, headers: Mapping[str, str], egress: EgressRules) -> Answer:
    """Send the body once; whatever goes wrong is told in the answer."""
    begun = time.monotonic()

    def answer(status_code: int | None, error: str, text: str = "", wait: int = 0) -> Answer:
        spent = round((time.monotonic() - begun) * 1000)
        return Answer(status_code, spent, error, text, wait)

    try:
        # Nothing of this machine's own is used: no proxy, no netrc, no cookie.
        with httpx.Client(trust_env=False, follow_redirects=False, timeout=_TIMEOUT) as client:
            response = client.send(_built(client, url, body, headers, egress), stream=True)
            try:
                text = _beginning(response, begun + _LONGEST_ANSWER_SECONDS)
            finally:
                response.close()
    except PullFailed as refusal:
        return answer(None, refusal.message)
    except httpx.TimeoutException:
        return answer(None, "The other side did not answer in time.")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return answer(None, f"The other side could not be reached ({type(error).__name__}).")
    code = response.status_code
    return answer(code, _fault_of(code), text, _retry_after(response))


def _built(
    client: httpx.Client,
    text: str,
    body: bytes,
    headers: Mapping[str, str],
    egress: EgressRules,
) -> httpx.Request:
    """The request to the checked address; host and certificate are those of the name."""
    url = httpx.URL(text)
    address = egress.address_of(url.host)
    if url.scheme == "http" and is_public(ip_address(address)):
        raise EgressRefused("Over the internet things are sent by https alone.")
    return client.build_request(
        "POST",
        url.copy_with(host=address),
        content=body,
        headers={
            "Content-Type": "application/json",
            "User-Agent": "FinFlow",
            **headers,
            "Host": url.netloc.decode(),
        },
        extensions={"sni_hostname": url.host},
    )


def _beginning(response: httpx.Response, ends_at: float) -> str:
    """The first bytes of the answer, as they came: nothing is unpacked.

    The status has come already and stands, even where the rest breaks off.
    """
    kept = bytearray()
    with suppress(httpx.HTTPError):
        for chunk in response.iter_raw():
            kept += chunk
            if len(kept) >= KEPT_BYTES or time.monotonic() > ends_at:
                break
    return bytes(kept[:KEPT_BYTES]).decode("utf-8", "replace").replace("\0", "")


def _fault_of(status_code: int) -> str:
    if 200 <= status_code < 300:
        return ""
    if 300 <= status_code < 400:
        return "The other side sends the request elsewhere (a redirect), which is not followed."
    return f"The other side answered with status {status_code}."


def _retry_after(response: httpx.Response) -> int:
    asked = response.headers.get("retry-after", "")
    return int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 10 else 0
