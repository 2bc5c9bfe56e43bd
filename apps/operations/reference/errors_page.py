"""What the product refuses, and how REST says so."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module

import apps
from apps.common.errors import Refusal
from apps.operations.envelope import CODES_BY_STATUS
from apps.operations.reference.markdown import code, page, table
from apps.operations.reference.source import first_sentence

_LEFT_OUT = ("migrations", "__main__", "embedded")


def errors_page() -> str:
    """A table for each app, and one for what is refused before an app is asked."""
    by_app: dict[str, list[type[Refusal]]] = {}
    for refusal in refusals():
        by_app.setdefault(refusal.__module__.split(".")[1], []).append(refusal)
    return page(
        "Error codes",
        "Every refusal has a code that stays, a status, a message for people, and often a remedy."
        " REST answers with the error envelope:",
        "```json\n"
        '{"error": {"code": "PERIOD_CLOSED", "message": "…", "details": {"remedy": "…"},'
        ' "timestamp": "…", "request_id": "…"}}\n'
        "```",
        "Pages show the same words. `details` is null, or holds the remedy, the field at fault and"
        " facts for machines; for a request whose fields are not acceptable (`INVALID`) it holds"
        " the complaints by field.",
        "## Before an app is asked\n\n"
        + table(
            ["Status", "Code"],
            [[str(status), code(name)] for status, name in sorted(CODES_BY_STATUS.items())],
        ),
        *(
            f"## {app}\n\n"
            + table(
                ["Code", "Status", "When", "Says, if always the same", "Remedy"],
                [_row(refusal) for refusal in by_app[app]],
            )
            for app in sorted(by_app)
        ),
    )


def refusals() -> list[type[Refusal]]:
    """Every refusal of the product, by code and name, the base of them all included."""
    for found in pkgutil.walk_packages(apps.__path__, "apps."):
        if not any(part in _LEFT_OUT for part in found.name.split(".")):
            import_module(found.name)
    return sorted(
        {refusal for refusal in _below(Refusal) if refusal.__module__.startswith("apps.")},
        key=lambda refusal: (refusal.code, refusal.__name__),
    )


def _below(refusal: type[Refusal]) -> Iterator[type[Refusal]]:
    yield refusal
    for child in refusal.__subclasses__():
        yield from _below(child)


def _row(refusal: type[Refusal]) -> list[str]:
    return [
        code(refusal.code),
        str(refusal.status),
        first_sentence(refusal.__doc__),
        vars(refusal).get("message", ""),
        refusal.remedy,
    ]
