"""What a connector is: settings that are checked when they are saved, and one verb, `pull`.

A connector knows nothing of Django or of the database of this product. It is handed the `Window`
of days that is wanted and the `Site` that it runs on, and gives the whole of what it fetched, or
raises; it never gives a part.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Protocol

from apps.ingestion.connectors.egress import EgressRules

PostedLines = Callable[[Sequence[str], date, date], Iterable[dict[str, Any]]]
PLACEHOLDERS = ("period", "period_start", "period_end")


@dataclass(frozen=True, slots=True)
class Window:
    """The days that a pull is about, both included, and the name of their period."""

    period: str
    starts_on: date
    ends_on: date

    @property
    def values(self) -> dict[str, str]:
        """What the placeholders stand for."""
        return {
            "period": self.period,
            "period_start": self.starts_on.isoformat(),
            "period_end": self.ends_on.isoformat(),
        }

    def filled(self, text: str) -> str:
        """The text with `{period}`, `{period_start}` and `{period_end}` filled in."""
        for name, value in self.values.items():
            text = text.replace("{" + name + "}", value)
        return text


@dataclass(frozen=True, slots=True)
class Site:
    """What an installation allows its connectors, and what they cannot reach by themselves.

    Attributes:
        drop_folder: the folder of the entity; no file outside of it is read.
        max_bytes: of everything that one pull brings.
        storage_protocols: of object storage that may be named.
        accounts: the codes of the entity's accounts in the built-in ledger.
        posted_lines: the lines of the built-in ledger on these accounts and days.
    """

    drop_folder: Path
    max_bytes: int
    egress: EgressRules = field(default_factory=EgressRules)
    storage_protocols: tuple[str, ...] = ()
    accounts: frozenset[str] = frozenset()
    posted_lines: PostedLines = lambda accounts, starts_on, ends_on: []
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True, slots=True)
class Pulled:
    """Everything that a pull brought: a file, and what was asked to get it.

    Attributes:
        filename: for people, and a hint of the format.
        query_text: exactly what was asked, for the auditor; no credentials.
        parameters: what the query was asked with.
        is_of_window: whether the whole of the window's days was asked for, and nothing else.
    """

    content: bytes
    filename: str
    query_text: str
    parameters: Mapping[str, Any]
    is_of_window: bool = False


class Connector(Protocol):
    """One way to fetch what a source has."""

    name: str
    title: str

    def check(
        self, settings: Mapping[str, Any], credentials: Mapping[str, str], site: Site
    ) -> None:
        """Refuse settings that cannot work; nothing is connected to.

        Raises:
            ConnectorInvalid: names the setting at fault by its path.
        """
        ...

    def destination(self, settings: Mapping[str, Any]) -> str:
        """The place that the settings lead to; credentials are kept for one place alone."""
        ...

    def pull(
        self,
        settings: Mapping[str, Any],
        credentials: Mapping[str, str],
        window: Window,
        site: Site,
    ) -> Pulled:
        """Fetch everything of the window.

        Raises:
            PullFailed: nothing was fetched; `is_passing` says whether to try again.
            ConnectorInvalid: the settings do not work (any more).
        """
        ...
