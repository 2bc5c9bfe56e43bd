"""Which pages are built, and where they lie."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from django.conf import settings

from apps.operations.reference.actions_page import actions_page
from apps.operations.reference.commands_page import commands_page
from apps.operations.reference.errors_page import errors_page
from apps.operations.reference.permissions_page import permissions_page
from apps.operations.reference.rest_page import rest_page
from apps.operations.reference.settings_page import settings_page

PAGES: Final[dict[str, Callable[[], str]]] = {
    "audit-actions.md": actions_page,
    "commands.md": commands_page,
    "errors.md": errors_page,
    "permissions.md": permissions_page,
    "rest.md": rest_page,
    "settings.md": settings_page,
}


def page_folder() -> Path:
    """Where the built pages lie."""
    return Path(settings.BASE_DIR) / "docs" / "reference"


def built_pages() -> dict[str, str]:
    """Every page's text by its file name; the same source gives the same text."""
    return {name: build() for name, build in PAGES.items()}
