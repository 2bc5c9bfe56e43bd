"""The files of the practice company, as the loader reads them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from django.conf import settings

MONTHS: Final = ("2023-02", "2023-03", "2023-04")
CLOSED_MONTHS: Final = MONTHS[:-1]
DEMO_MONTH: Final = MONTHS[-1]


def folder() -> Path:
    """Where the files lie (docs/reference/practice-company.md)."""
    return Path(settings.BASE_DIR) / "fixtures" / "practice"


def read(name: str) -> Any:
    """One JSON file, for example "sources.json" or "2023-04/truth.json"."""
    return json.loads((folder() / name).read_text(encoding="utf-8"))
