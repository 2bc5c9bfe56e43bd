"""A period is reopened after its evidence was made: that counts no more, the next says why."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.approvals.services import define_policy
from apps.close.models import CloseRun
from apps.compliance.models import EvidencePackage
from apps.compliance.selectors import document_of, packages_upon, reopening_after
from apps.ledger.models import PeriodReopening
from apps.ledger.registry import resting_on
from apps.ledger.services import (
    close_period,
    end_reopening,
    propose_reopening,
    reopen_period,
)
from apps.reporting.services import produce_evidence
from tests.ledger.conftest import approve_both
from tests.pages import text

from .documents.pdf_text import whole_text

REASON = "The bank sent a fee late."


@pytest.fixture
def reopen(package: EvidencePackage, entity: Any, person: Any, bob: Any, connie: Any) -> Any:
    """Close April, and reopen it: `reopen()`."""
    define_policy(
        entity_id=entity.pk,
        item_type="period_reopening",
        stages=[{"role": "approver", "count": 2}],
        actor=connie,
    )
    beth = person("beth", "approver", on=entity)
    close_period(period_id=package.close_run.period_id, actor=connie)

    def through() -> PeriodReopening:
        asked = propose_reopening(
            period_id=package.close_run.period_id,
            reason=REASON,
            kinds=["adjustment"],
            expires_at=timezone.now() + timedelta(days=1),
            actor=connie,
        )
        approve_both(asked, bob, beth)
        return reopen_period(reopening_id=asked.pk, actor=connie)

    return through


def test_it_is_told_before(package: EvidencePackage) -> None:
    (told,) = packages_upon(package.close_run.period)
    assert told.what == "Evidence package, version 1"
    assert told.effect.startswith("is superseded")
    assert told in resting_on(package.close_run.period)


def test_the_package_is_superseded_by_the_reopening(
    package: EvidencePackage, reopen: Any, api: Any, visit: Any, otto: Any
) -> None:
    assert reopening_after(package) is None
    page, url = f"/evidence/{package.pk}/", "/api/compliance/packages"
    assert "reopened" not in text(visit(otto).get(page))
    reopening = reopen()
    assert reopening_after(package) == reopening
    assert packages_upon(package.close_run.period) == []
    shown = api(otto).get(f"{url}/{package.pk}").json()
    assert (shown["is_superseded"], shown["reopening_since"]) == (True, reopening.pk)
    for wanted, found in (("true", [package.pk]), ("false", [])):
        listed = api(otto).get(f"{url}?is_superseded={wanted}").json()["results"]
        assert [row["id"] for row in listed] == found
    assert "Its period was reopened since" in text(visit(otto).get(page))
    everything = text(visit(otto).get("/evidence/"))
    assert "All of these were superseded." in everything
    assert f'href="/periods/reopenings/{reopening.pk}/"' in everything


def test_the_next_package_names_what_it_supersedes_and_why(
    close_run: CloseRun, package: EvidencePackage, reopen: Any, connie: Any
) -> None:
    reopening = reopen()
    end_reopening(reopening_id=reopening.pk, actor=connie)
    again = produce_evidence(close_run_id=close_run.pk, actor=connie)
    assert (again.version, again.supersedes) == (2, package)
    assert reopening_after(again) is None
    words = " ".join(whole_text(document_of(again)).split())
    assert f"version 1: Reopening 1 of 2023-04, {REASON}" in words
    for verb in ("propose", "open", "end"):
        assert f"ledger.reopening.{verb}" in words.replace(" ", "")
    assert produce_evidence(close_run_id=close_run.pk, actor=connie) == again


def test_what_a_second_reopening_supersedes_is_the_second_package(
    close_run: CloseRun, package: EvidencePackage, reopen: Any, connie: Any
) -> None:
    first = reopen()
    end_reopening(reopening_id=first.pk, actor=connie)
    again = produce_evidence(close_run_id=close_run.pk, actor=connie)
    second = reopen()
    assert reopening_after(package) == first
    assert reopening_after(again) == second
