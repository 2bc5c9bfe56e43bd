"""Controls in force and packages that were made."""

from __future__ import annotations

import hashlib

from django.db.models import OuterRef, Subquery
from django.urls import reverse

from apps.common.access import Actor, one_visible
from apps.common.models import ScopedQuerySet
from apps.compliance.errors import PackageChanged, PackageMissing
from apps.compliance.models import Control, EvidencePackage
from apps.compliance.permissions import VIEW_EVIDENCE
from apps.compliance.registry import check_document
from apps.compliance.states import DOCUMENT_LABEL, Verdict
from apps.ledger.models import Period, PeriodReopening
from apps.ledger.registry import Upon
from apps.privacy.keyring import Unreadable
from apps.privacy.selectors import sealed_content


def controls_of(entity_id: int) -> list[Control]:
    """The entity's controls by identifier."""
    return list(Control.objects.filter(entity_id=entity_id).order_by("identifier"))


def controls_for(actor: Actor) -> ScopedQuerySet:
    """Controls of the entities whose evidence the actor may view, by entity and identifier."""
    return (
        Control.objects.visible_to(actor)
        .filter(entity_id__in=actor.entity_ids(VIEW_EVIDENCE))
        .select_related("entity")
        .order_by("entity__code", "identifier")
    )


def packages_for(actor: Actor) -> ScopedQuerySet:
    """Packages of the entities whose evidence the actor may view, newest first.

    Each with `reopening_since`: the id of the reopening that superseded it, or None.
    """
    since = PeriodReopening.objects.filter(
        period=OuterRef("close_run__period"), opened_at__gt=OuterRef("made_at")
    ).order_by("opened_at")
    return (
        EvidencePackage.objects.visible_to(actor)
        .filter(entity_id__in=actor.entity_ids(VIEW_EVIDENCE))
        .select_related("entity", "close_run__period", "made_by", "supersedes", "superseded_by")
        .annotate(reopening_since=Subquery(since.values("pk")[:1]))
        .order_by("-id")
    )


def package_seen_by(actor: Actor, package_id: int) -> EvidencePackage:
    """One package as `packages_for` gives it.

    Raises:
        NotVisible: no such package for this actor.
    """
    return one_visible(packages_for(actor).filter(pk=package_id))


def latest_package(close_run_id: int) -> EvidencePackage | None:
    """The newest package of the close."""
    package: EvidencePackage | None = (
        EvidencePackage.objects.filter(close_run_id=close_run_id).order_by("-version").first()
    )
    return package


def reopening_after(package: EvidencePackage) -> PeriodReopening | None:
    """The reopening that superseded the package: the first of its period since it was made."""
    return (
        PeriodReopening.objects.filter(
            period_id=package.close_run.period_id, opened_at__gt=package.made_at
        )
        .select_related("period")
        .order_by("opened_at")
        .first()
    )


def packages_upon(period: Period) -> list[Upon]:
    """The evidence of the period that still counts, and what a reopening does to it."""
    packages = EvidencePackage.objects.filter(
        close_run__period=period, superseded_by=None
    ).select_related("close_run")
    return [
        Upon(
            f"Evidence package, version {package.version}",
            "is superseded; the next one names it and the reopening",
            reverse("compliance:package", args=[package.pk]),
        )
        for package in packages
        if reopening_after(package) is None
    ]


def document_of(package: EvidencePackage) -> bytes:
    """The signed PDF.

    Raises:
        PackageMissing: nothing is stored under its name.
        PackageChanged: what is stored is not what was sealed.
    """
    try:
        content = sealed_content(package.document_name, DOCUMENT_LABEL)
    except FileNotFoundError:
        raise PackageMissing from None
    except Unreadable:
        raise PackageChanged from None
    if hashlib.sha256(content).hexdigest() != package.document_sha256:
        raise PackageChanged
    return content


def verdict_on(package: EvidencePackage) -> Verdict:
    """What checking the stored document now says: storage, signature, attachments, manifest."""
    try:
        document = document_of(package)
    except PackageMissing:
        return Verdict.MISSING
    except PackageChanged:
        return Verdict.CHANGED
    return check_document(package, document)


def file_name(package: EvidencePackage) -> str:
    """What the PDF is called when it leaves the house: "HFS-2023-04-evidence-v1.pdf"."""
    period = package.close_run.period.name
    return f"{package.entity.code}-{period}-evidence-v{package.version}.pdf"
