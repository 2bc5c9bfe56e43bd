"""What came in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Max, Q

from apps.common.access import Actor
from apps.common.errors import NotVisible
from apps.common.models import ScopedQuerySet
from apps.common.paging import row_id
from apps.ingestion.errors import SourceAmbiguous
from apps.ingestion.models import Batch, FailedImport, Source
from apps.ingestion.states import ORIGINAL_LABEL
from apps.privacy.selectors import sealed_content


def sources_for(actor: Actor) -> ScopedQuerySet:
    """Sources of granted entities by code."""
    return Source.objects.visible_to(actor).select_related("entity").order_by("code")


def source_named(name: str, *, actor: Actor, entity_code: str = "") -> Source:
    """The source of this code, or, where no code is so, of this id.

    Raises:
        NotVisible: there is none for this actor.
        SourceAmbiguous: several entities have a source of this code.
    """
    sources = Source.objects.visible_to(actor).select_related("entity")
    if entity_code:
        sources = sources.filter(entity__code=entity_code)
    found = list(sources.filter(code=name)[:2])
    if not found:
        found = list(sources.filter(pk=row_id(name)))
    if not found:
        raise NotVisible(field="source")
    if len(found) > 1:
        raise SourceAmbiguous(field="entity")
    source: Source = found[0]
    return source


def batches_for(actor: Actor) -> ScopedQuerySet:
    """Batches of granted entities, newest first."""
    return (
        Batch.objects.visible_to(actor)
        .select_related("source", "entity", "imported_by", "correction")
        .order_by("-id")
    )


def failed_imports_for(actor: Actor) -> ScopedQuerySet:
    """Refused files of granted entities, newest first."""
    return (
        FailedImport.objects.visible_to(actor)
        .select_related("source", "entity", "imported_by")
        .order_by("-id")
    )


def latest_reading(source: Source, sha256: str) -> Batch | None:
    """The batch of exactly these bytes, the last one if they were read more than once.

    A correction reads one line alone; it is no reading of the file.
    """
    readings = Batch.objects.filter(source=source, sha256=sha256, correction__isnull=True)
    found: Batch | None = readings.order_by("-reading").first()
    return found


def next_reading(source: Source, sha256: str) -> int:
    """The number of the next reading of these bytes, corrections counted."""
    last = Batch.objects.filter(source=source, sha256=sha256).aggregate(Max("reading"))
    return (last["reading__max"] or 0) + 1


def latest_original(source: Source) -> Batch | FailedImport | None:
    """The file that came last into the source, imported or refused."""
    batch: Batch | None = Batch.objects.filter(source=source).order_by("-id").first()
    failure: FailedImport | None = (
        FailedImport.objects.filter(source=source).order_by("-id").first()
    )
    if batch is None or failure is None:
        return batch or failure
    return batch if batch.imported_at > failure.failed_at else failure


def batches_between(*, source_id: int, starts_on: date, ends_on: date) -> list[Batch]:
    """The source's batches that touch the dates, oldest lines first."""
    touches = Q(starts_on__lte=ends_on, ends_on__gte=starts_on)
    return list(
        Batch.objects.filter(touches, source_id=source_id)
        .select_related("source")
        .order_by("starts_on", "id")
    )


def balanced_statements(batch: Batch) -> list[dict[str, Any]]:
    """The batch's statements that state both balances, with amounts and days as such."""
    return balanced(batch.statements)


def balanced(statements: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """`balanced_statements` of facts as a batch keeps them."""
    amounts = ("opening", "total", "closing", "difference")
    days = ("opened_on", "closed_on")
    return [
        {
            **facts,
            **{name: Decimal(facts[name]) for name in amounts},
            **{name: date.fromisoformat(facts[name]) if facts[name] else None for name in days},
        }
        for facts in statements
        if facts["opening"] is not None and facts["closing"] is not None
    ]


def original_of(batch: Batch | FailedImport) -> bytes:
    """The bytes as they arrived."""
    return sealed_content(batch.original_name, ORIGINAL_LABEL)
