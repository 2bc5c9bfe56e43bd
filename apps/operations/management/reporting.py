"""Commands for people and scripts: a table, or with `--json` one document and nothing else."""

from __future__ import annotations

import json
import sys
from abc import ABC, abstractmethod
from argparse import ArgumentParser
from pathlib import Path
from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console

from apps.common.errors import Malformed, NotVisible, Refusal
from apps.common.parsers import reason, strict_json
from apps.operations.envelope import refusal_body

_WIDTH_CHARACTERS = 120  # of tables that go into a file or a pipe


class ReportCommand(BaseCommand, ABC):
    """A command that answers with a document; a refusal is an envelope and exit status 1."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The switch between the two kinds of reader."""
        parser.add_argument(
            "--json", action="store_true", help="print one JSON document instead of tables"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Make the report and print it."""
        try:
            report = self.report(**options)
        except Refusal as refusal:
            if options["json"]:
                self.stdout.write(_json_text(refusal_body(refusal)))
                sys.exit(1)
            raise CommandError(f"{_place(refusal)}{refusal.words}") from refusal
        if options["json"]:
            self.stdout.write(self.as_json(report))
        else:
            width = None if self.stdout.isatty() else _WIDTH_CHARACTERS
            self.show(report, Console(file=cast(IO[str], self.stdout), width=width))

    @abstractmethod
    def report(self, **options: Any) -> dict[str, Any]:
        """The document.

        Raises:
            Refusal: there is none; nothing was changed.
        """

    @abstractmethod
    def show(self, report: dict[str, Any], console: Console) -> None:
        """The document for people."""

    def as_json(self, report: dict[str, Any]) -> str:
        """The document for scripts; a command with long columns writes it in its own way."""
        return _json_text(report)


def content_of(path: str) -> bytes:
    """The bytes of a file that somebody named.

    Raises:
        NotVisible: it cannot be read.
    """
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:  # a path with a null character is a ValueError
        words = error.strerror if isinstance(error, OSError) else error
        raise NotVisible(f"{path} cannot be read: {words}.", remedy="Check the path.") from None


def object_in(path: str, *, field: str) -> dict[str, Any]:
    """The JSON object in a file that somebody named.

    Raises:
        NotVisible: it cannot be read.
        Malformed: it holds something else.
    """
    try:
        found = strict_json(content_of(path).decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise Malformed(f"{path} is not JSON: {reason(error)}.", field=field) from None
    if not isinstance(found, dict):
        raise Malformed(f"{path} does not hold a JSON object.", field=field)
    return found


def _json_text(document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2, default=str)


def _place(refusal: Refusal) -> str:
    line = refusal.details.get("line")
    return f"Line {line}: " if line else ""
