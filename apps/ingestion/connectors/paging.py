"""How an HTTP source says where its next page is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from apps.ingestion.connectors.errors import AnswerMalformed, AnswerRefused
from apps.ingestion.connectors.exact_json import Number
from apps.ingestion.connectors.fields import Fields

KINDS = ("none", "next_link", "cursor", "page")


@dataclass(frozen=True, slots=True)
class Paging:
    """The checked `paging` of the settings.

    Attributes:
        kind: none; next_link (a URL in the answer, or in its Link header if `path` is empty);
            cursor (a word of the answer goes into `parameter`); page (a number goes into it, until
            a page is empty).
        path: dotted, within the answer.
    """

    kind: str = "none"
    path: str = ""
    parameter: str = ""
    first_page: int = 1

    @classmethod
    def from_fields(cls, fields: Fields) -> Paging:
        """Read the settings.

        Raises:
            ConnectorInvalid: names the setting at fault.
        """
        kind = fields.choice("kind", KINDS, default="none")
        paging = cls(kind)
        if kind == "next_link":
            paging = cls(kind, path=fields.text("path", default=""))
        elif kind == "cursor":
            paging = cls(kind, path=fields.text("path"), parameter=fields.text("parameter"))
        elif kind == "page":
            first = fields.number("first_page", default=1, least=0, most=1)
            paging = cls(kind, parameter=fields.text("parameter"), first_page=first)
        fields.end()
        return paging

    def first(self, url: httpx.URL) -> httpx.URL:
        """The URL of the first page."""
        if self.kind == "page":
            return url.copy_set_param(self.parameter, str(self.first_page))
        return url

    def following(
        self, url: httpx.URL, answer: Any, headers: httpx.Headers, row_count: int
    ) -> httpx.URL | None:
        """The URL of the page after this one, None after the last.

        Raises:
            AnswerMalformed: the answer does not say.
            AnswerRefused: the next page is at another place.
        """
        if self.kind == "page":
            number = int(url.params[self.parameter]) + 1
            return url.copy_set_param(self.parameter, str(number)) if row_count else None
        if self.kind == "cursor":
            word = member(answer, self.path)
            return url.copy_set_param(self.parameter, str(word)) if word else None
        if self.kind == "next_link":
            return self._next_link(url, answer, headers)
        return None

    def _next_link(self, url: httpx.URL, answer: Any, headers: httpx.Headers) -> httpx.URL | None:
        link = member(answer, self.path) if self.path else _link_of(headers)
        if not link:
            return None
        if not isinstance(link, str) or isinstance(link, Number):
            raise AnswerMalformed(f"{self.path} of the answer is no link.")
        try:
            following = url.join(link)
        except httpx.InvalidURL:
            raise AnswerMalformed("The link to the next page is no URL.") from None
        if origin(following) != origin(url) or following.userinfo:
            raise AnswerRefused("The next page is at another host.")
        return following


def origin(url: httpx.URL) -> tuple[str, str, int | None]:
    """Scheme, host and port: credentials go nowhere else."""
    return url.scheme, url.host, url.port


def member(answer: Any, path: str) -> Any:
    """What lies at a dotted path; None where an object lacks the last name.

    Raises:
        AnswerMalformed: there is no object on the way.
    """
    for name in filter(None, path.split(".")):
        if not isinstance(answer, Mapping):
            raise AnswerMalformed(f"The answer has nothing at {path}.")
        answer = answer.get(name)
    return answer


def _link_of(headers: httpx.Headers) -> str | None:
    links = httpx.Response(200, headers=headers).links
    return links.get("next", {}).get("url")
