"""An installation for connectors, and April."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from apps.ingestion.connectors import EgressRules, Site, Window

APRIL = Window("2023-04", date(2023, 4, 1), date(2023, 4, 30))


@pytest.fixture
def site(tmp_path: Path) -> Callable[..., Site]:
    """`site("127.0.0.1", max_bytes=100)`: an installation that lists these hosts."""

    def make(*hosts: str, **changes: Any) -> Site:
        facts: dict[str, Any] = {
            "drop_folder": tmp_path,
            "max_bytes": 1_000_000,
            "egress": EgressRules(hosts),
            "storage_protocols": ("memory", "file", "s3", "gs"),
            "sleep": lambda seconds: None,
        }
        return Site(**{**facts, **changes})

    return make
