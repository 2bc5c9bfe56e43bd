"""Reading the product's own source: which files there are, and what they call."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from django.conf import settings


@dataclass(frozen=True)
class SourceFile:
    """One file of Python.

    Attributes:
        module: its dotted name, "apps.ledger.services.posting".
    """

    module: str
    path: Path

    @cached_property
    def tree(self) -> ast.Module:
        """Its syntax tree."""
        return ast.parse(self.path.read_text(encoding="utf-8"))

    @cached_property
    def functions(self) -> dict[str, ast.FunctionDef]:
        """The functions of the module itself, by name."""
        return {node.name: node for node in self.tree.body if isinstance(node, ast.FunctionDef)}

    @cached_property
    def tables(self) -> dict[str, list[ast.expr]]:
        """The values of the dictionaries that the module itself assigns, by name."""
        return {
            target.id: node.value.values
            for node in self.tree.body
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict)
            for target in node.targets
            if isinstance(target, ast.Name)
        }


def source_files(package: str) -> Iterator[SourceFile]:
    """The files of a top-level package without migrations, in order of their names."""
    root = Path(settings.BASE_DIR)
    for path in sorted((root / package).rglob("*.py")):
        relative = path.relative_to(root).with_suffix("")
        if "migrations" not in relative.parts:
            yield SourceFile(".".join(relative.parts).removesuffix(".__init__"), path)


def first_sentence(text: str | None) -> str:
    """The first sentence of a docstring, without its full stop."""
    paragraph = " ".join((text or "").strip().partition("\n\n")[0].split())
    return paragraph.partition(". ")[0].removesuffix(".")
