"""The evidence package of a close: gather the facts, render, attach, sign, seal."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from apps.analytics.selectors import latest_scoring
from apps.audit.services import canonical_bytes
from apps.close.models import CloseRun
from apps.common.access import authorize
from apps.compliance.locks import close_run_for_sealing
from apps.compliance.models import EvidencePackage
from apps.compliance.permissions import BUILD_EVIDENCE
from apps.compliance.selectors import (
    document_of,
    file_name,
    latest_package,
    reopening_after,
)
from apps.compliance.services import seal_package
from apps.identity.models import User
from apps.ingestion.models import Batch
from apps.ledger.models import Period, PeriodReopening
from apps.reconciliation.models import Run
from apps.reconciliation.selectors import match_rate
from apps.reporting.documents import (
    Attachment,
    Cover,
    EvidenceContent,
    Figure,
    Holdings,
    Manifest,
    Omission,
    Redaction,
    Retention,
    SignatureVerdict,
    attach,
    manifest_attachments,
    render_evidence,
    sign,
    verify_signature,
)
from apps.reporting.documents.errors import (
    CertificateNotInForce,
    KeyDoesNotMatchCertificate,
    SigningMaterialUnreadable,
)
from apps.reporting.errors import SigningImpossible
from apps.reporting.services import configuration, findings, scope
from apps.reporting.services.attachments import attachments_of
from apps.reporting.services.changes import changes
from apps.reporting.services.conclusion import conclusion
from apps.reporting.services.work import Work
from apps.reporting.states import EVIDENCE_HANDLER

RETENTION_YEARS = 7
_REASON = "Evidence of the financial close"
_NO_MANIFEST_YET = Manifest("none", ())


@dataclasses.dataclass(frozen=True)
class _Facts:
    """What is to be documented, its files, and their common digest."""

    content: EvidenceContent
    attachments: Sequence[Attachment]
    sha256: str


@transaction.atomic
def produce_evidence(*, close_run_id: int, actor: User) -> EvidencePackage:
    """Make the signed evidence PDF of a close as it stands.

    If the facts are those of the newest package, that package is returned and nothing is made.

    Raises:
        NotVisible, NotPermitted: not this actor.
        SigningImpossible: key or certificate cannot be used.
    """
    run = close_run_for_sealing(close_run_id, actor=actor)
    authorize(actor, BUILD_EVIDENCE, entity_id=run.entity_id)
    former = latest_package(run.pk)
    made_at = timezone.now()
    reopening = reopening_after(former) if former is not None else None
    facts = _gather(run, former, reopening, made_at, actor)
    if former is not None and reopening is None and former.content_sha256 == facts.sha256:
        return former
    version = facts.content.cover.version
    manifest = Manifest(
        f"{run.entity.code} {run.period.name} v{version}",
        tuple(each.item for each in facts.attachments),
    )
    document, fingerprint = _signed(facts, manifest, made_at)
    return seal_package(
        close_run_id=run.pk,
        content_sha256=facts.sha256,
        manifest=json.loads(manifest.to_json()),
        manifest_root=manifest.root_sha256,
        document=document,
        certificate_sha256=fingerprint,
        actor=actor,
    )


def export_document(package: EvidencePackage, folder: Path) -> Path:
    """Write the signed PDF into a folder; returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / file_name(package)
    path.write_bytes(document_of(package))
    return path


def retention_of(period: Period) -> Retention:
    """Seven years from the period's end; 29 February has its last day on 1 March."""
    ends_on = period.ends_on
    year = ends_on.year + RETENTION_YEARS
    is_leap_day = (ends_on.month, ends_on.day) == (2, 29)
    return Retention(
        retention_class=f"Financial records, {RETENTION_YEARS} years",
        trigger="End of the period",
        dispose_on=date(year, 3, 1) if is_leap_day else ends_on.replace(year=year),
    )


def _gather(
    run: CloseRun,
    former: EvidencePackage | None,
    reopening: PeriodReopening | None,
    made_at: datetime,
    actor: User,
) -> _Facts:
    entity, period = run.entity, run.period
    work = Work(run)
    runs = _runs_of(period)
    scoring = latest_scoring(period.pk)
    breaks = findings.breaks_of(runs)
    anomalies = findings.anomalies_in(scoring)
    population = scope.population(entity, period)
    content = EvidenceContent(
        cover=_cover(
            run,
            runs=runs,
            told=conclusion(runs, breaks),
            former=former,
            reopening=reopening,
            made_at=made_at,
            actor=actor,
        ),
        controls=scope.controls(entity, work.rows),
        population=population,
        data_sources=scope.data_sources(_batches_of(period)),
        sample=Omission("Nothing was sampled: every item of the population was compared."),
        tasks=work.tasks(),
        exceptions=findings.exceptions(period, scoring, runs, breaks, anomalies),
        attestations=work.attestations(),
        changes=changes(run),
        configuration=configuration.settings_in_force(entity, period, runs),
        holdings=Holdings(manifest=_NO_MANIFEST_YET, redactions=_REDACTIONS),
        retention=retention_of(period),
    )
    attachments = attachments_of(population, breaks, anomalies)
    own = {
        str(number)
        for number, row in enumerate(work.rows, start=1)
        if row.handler == EVIDENCE_HANDLER
    }
    return _Facts(content, attachments, _digest(content, attachments, own))


_REDACTIONS = (
    Redaction(
        "Counterparties, narratives and account numbers of imported lines",
        "Restricted: sealed in the system. Lines are named here by their references.",
    ),
)


def _runs_of(period: Period) -> list[Run]:
    """The reconciliations of exactly this period whose outcome stands."""
    return list(
        Run.objects.live()
        .filter(entity=period.entity_id, starts_on=period.starts_on, ends_on=period.ends_on)
        .select_related("match_type", "rule_set")
        .order_by("match_type__code")
    )


def _batches_of(period: Period) -> list[Batch]:
    """The files with lines of the period's days."""
    return list(
        Batch.objects.filter(
            entity=period.entity_id,
            starts_on__lte=period.ends_on,
            ends_on__gte=period.starts_on,
        )
        .select_related("source", "imported_by")
        .order_by("source__code", "id")
    )


def _cover(
    run: CloseRun,
    *,
    runs: Sequence[Run],
    told: str,
    former: EvidencePackage | None,
    reopening: PeriodReopening | None,
    made_at: datetime,
    actor: User,
) -> Cover:
    return Cover(
        process=run.template.name,
        entity=f"{run.entity.name} ({run.entity.code})",
        ledger=f"General ledger, {run.entity.functional_currency}",
        period=run.period.name,
        period_start_on=run.period.starts_on,
        period_end_on=run.period.ends_on,
        package=f"{run.entity.code}-{run.period.name}-evidence",
        version=former.version + 1 if former else 1,
        supersedes=_superseded(former, reopening) if former else "",
        conclusion=told,
        figures=tuple(Figure(done.match_type.name, f"{match_rate(done)}%") for done in runs),
        generated_by=str(actor),
        generator=configuration.build(),
        generated_at=made_at,
        time_zone=run.entity.time_zone,
    )


def _superseded(former: EvidencePackage, reopening: PeriodReopening | None) -> str:
    """ "version 1", and the reopening since which it does not count any more."""
    since = f": {reopening}, {reopening.reason}" if reopening else ""
    return f"version {former.version}{since}"


def _digest(
    content: EvidenceContent, attachments: Sequence[Attachment], own_tasks: set[str]
) -> str:
    """SHA-256 over the facts, leaving out when and as which version they are put together.

    Args:
        own_tasks: numbers of the tasks that make packages; how far they are is no fact.
    """
    facts = dataclasses.asdict(content)
    for name in ("generated_at", "generated_by", "version", "supersedes"):
        del facts["cover"][name]
    if not isinstance(content.tasks, Omission):
        facts["tasks"] = [task for task in facts["tasks"] if task["number"] not in own_tasks]
    digest = hashlib.sha256(canonical_bytes(facts))
    for attachment in attachments:
        digest.update(attachment.item.sha256.encode())
    return digest.hexdigest()


def _signed(facts: _Facts, manifest: Manifest, made_at: datetime) -> tuple[bytes, str]:
    """The document with its files and manifest, signed, and the certificate's fingerprint.

    Raises:
        SigningImpossible: key or certificate cannot be used.
    """
    holdings = dataclasses.replace(facts.content.holdings, manifest=manifest)
    content = dataclasses.replace(facts.content, holdings=holdings)
    files = [*facts.attachments, *manifest_attachments(manifest)]
    unsigned = attach(render_evidence(content), files, attached_at=made_at)
    try:
        document = sign(
            unsigned,
            key_file=Path(settings.EVIDENCE_SIGNING_KEY_FILE),
            cert_file=Path(settings.EVIDENCE_SIGNING_CERT_FILE),
            reason=_REASON,
            signed_at=made_at,
        )
    except (SigningMaterialUnreadable, KeyDoesNotMatchCertificate, CertificateNotInForce) as fact:
        raise SigningImpossible(f"The evidence cannot be signed: {fact}.") from fact
    report = verify_signature(document)
    if report.verdict != SignatureVerdict.VALID:
        raise SigningImpossible(f"The signature just made is not valid: {report.verdict}.")
    return document, report.certificate_sha256
