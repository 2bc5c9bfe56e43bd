"""A close to seal packages of, without what makes them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from analytics.stage import keep_books
from reporting.stage import CONTROL, open_close

from apps.audit.services import canonical_bytes
from apps.close.models import CloseRun
from apps.compliance.models import EvidencePackage
from apps.compliance.services import define_control, seal_package

MANIFEST: dict[str, Any] = {"items": [], "package": "HFS 2023-04", "schema": "test"}
SEALED: dict[str, Any] = {
    "content_sha256": "a" * 64,
    "manifest": MANIFEST,
    "manifest_root": hashlib.sha256(canonical_bytes(MANIFEST)).hexdigest(),
    "document": b"%PDF signed",
    "certificate_sha256": "c" * 64,
}


@pytest.fixture
def close_run(entity: Any, system: Any, connie: Any) -> CloseRun:
    keep_books(entity, system)
    return open_close(entity, connie)


@pytest.fixture
def seal(close_run: CloseRun, connie: Any) -> Callable[..., EvidencePackage]:
    """Seal a package; by Connie unless said otherwise."""

    def make(**changes: Any) -> EvidencePackage:
        actor = changes.pop("actor", connie)
        return seal_package(close_run_id=close_run.pk, actor=actor, **{**SEALED, **changes})

    return make


@pytest.fixture
def foreign(other_entity: Any, system: Any) -> EvidencePackage:
    """A package, a control and a close of the other entity."""
    keep_books(other_entity, system)
    run = open_close(other_entity, system)
    return seal_package(close_run_id=run.pk, actor=system, **SEALED)


@pytest.fixture
def define(entity: Any, connie: Any) -> Callable[..., Any]:
    """Describe a control; by Connie unless said otherwise."""

    def make(**changes: Any) -> Any:
        facts = {"entity_id": entity.pk, "actor": connie, **CONTROL, **changes}
        return define_control(**facts)

    return make
