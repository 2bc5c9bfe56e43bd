"""The little Markdown that the built pages need."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

NOTE = "<!-- Built by `bin/finflow build_reference` from the source. Do not edit. -->"


def page(title: str, *parts: str) -> str:
    """A whole page: note, heading and parts, with a blank line between them."""
    return "\n\n".join([NOTE, f"# {title}", *(part for part in parts if part)]) + "\n"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; cells are text on one line."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def code(text: str) -> str:
    """Text as code; nothing for nothing."""
    return f"`{text}`" if text else ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
