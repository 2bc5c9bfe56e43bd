"""Describe controls; seal evidence packages, and hand them out on record."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction

from apps.audit.services import canonical_bytes, record
from apps.common.access import authorize
from apps.common.roles import ROLES
from apps.compliance.errors import ControlExists, ControlInvalid, PackageInvalid
from apps.compliance.locks import close_run_for_sealing, entity_for_controls
from apps.compliance.models import Control, EvidencePackage
from apps.compliance.permissions import BUILD_EVIDENCE, DOWNLOAD_EVIDENCE, MANAGE_CONTROLS
from apps.compliance.selectors import document_of, latest_package, package_seen_by
from apps.compliance.states import DOCUMENT_LABEL, Assertion, Automation, Nature
from apps.identity.models import User
from apps.privacy.selectors import key_ring

LONGEST_TEXT = 4_000
MOST_TASKS = 100
_DIGEST = re.compile(r"[0-9a-f]{64}")


@transaction.atomic
def define_control(
    *,
    entity_id: int,
    identifier: str,
    name: str,
    objective: str,
    risk: str,
    assertions: Sequence[str],
    coso_principle: str,
    nature: str,
    automation: str,
    owner_role: str,
    actor: User,
    task_keys: Sequence[str] = (),
    is_key: bool = True,
    frequency: str = "monthly",
) -> Control:
    """Describe a control.

    Args:
        assertions: what it is about, values of `states.Assertion`.
        task_keys: the close tasks that carry it out.

    Raises:
        NotVisible, NotPermitted: not this actor.
        ControlExists: the identifier is taken.
        ControlInvalid: names the field: a word that is not one of the choices, a text that is
            empty or too long, something named twice, or no assertion.
    """
    entity = entity_for_controls(entity_id, actor=actor)
    authorize(actor, MANAGE_CONTROLS, entity_id=entity.pk)
    control = Control(
        entity=entity,
        identifier=_require_text("identifier", identifier),
        name=_require_text("name", name),
        objective=_require_text("objective", objective),
        risk=_require_text("risk", risk),
        assertions=_require_among("assertions", assertions, Assertion.values),
        coso_principle=_require_text("coso_principle", coso_principle),
        nature=_require_among("nature", [nature], Nature.values)[0],
        automation=_require_among("automation", [automation], Automation.values)[0],
        owner_role=_require_among("owner_role", [owner_role], ROLES)[0],
        task_keys=_require_keys(task_keys),
        is_key=is_key,
        frequency=_require_text("frequency", frequency),
    )
    if Control.objects.filter(entity=entity, identifier=control.identifier).exists():
        raise ControlExists(field="identifier")
    control._history_user = actor
    control.save()
    record(
        actor=actor,
        action="compliance.control.define",
        subject=control,
        identifier=control.identifier,
    )
    return control


@transaction.atomic
def seal_package(
    *,
    close_run_id: int,
    content_sha256: str,
    manifest: dict[str, Any],
    manifest_root: str,
    document: bytes,
    certificate_sha256: str,
    actor: User,
) -> EvidencePackage:
    """Keep a signed document as the next version of the close's evidence.

    Args:
        content_sha256: SHA-256 over the facts in the document.
        manifest: path, digest, size and media type of each file of the package.
        manifest_root: SHA-256 of the manifest's canonical JSON.
        document: the signed PDF; stored sealed, found again by its own SHA-256.
        certificate_sha256: fingerprint of the certificate that signed it.

    Raises:
        NotVisible, NotPermitted: not this actor.
        PackageInvalid: no document, something that is no digest, or a root of another manifest.
    """
    run = close_run_for_sealing(close_run_id, actor=actor)
    authorize(actor, BUILD_EVIDENCE, entity_id=run.entity_id)
    _require_fitting(content_sha256, manifest, manifest_root, document, certificate_sha256)
    former = latest_package(run.pk)
    sha256 = hashlib.sha256(document).hexdigest()
    package = EvidencePackage.objects.create(
        entity_id=run.entity_id,
        close_run=run,
        version=former.version + 1 if former else 1,
        supersedes=former,
        content_sha256=content_sha256,
        manifest=manifest,
        manifest_root=manifest_root,
        document_sha256=sha256,
        document_size_bytes=len(document),
        document_name=_keep(f"evidence/{run.entity_id}/{sha256}", document),
        certificate_sha256=certificate_sha256,
        made_by=actor,
    )
    record(
        actor=actor,
        action="compliance.package.seal",
        subject=package,
        version=package.version,
        manifest_root=manifest_root,
        document_sha256=sha256,
    )
    return package


@transaction.atomic
def hand_out_package(*, package_id: int, actor: User) -> tuple[EvidencePackage, bytes]:
    """The signed PDF for somebody who takes it out of the house; who took it is on record.

    Raises:
        NotVisible, NotPermitted: not this actor.
        PackageMissing, PackageChanged: the stored document cannot be handed out.
    """
    package = package_seen_by(actor, package_id)
    authorize(actor, DOWNLOAD_EVIDENCE, entity_id=package.entity_id)
    document = document_of(package)
    record(
        actor=actor,
        action="compliance.package.download",
        subject=package,
        version=package.version,
        document_sha256=package.document_sha256,
    )
    return package, document


def _keep(name: str, document: bytes) -> str:
    """Store the sealed document; the storage picks another name if this one is taken."""
    return default_storage.save(name, ContentFile(key_ring().seal(document, DOCUMENT_LABEL)))


def _require_fitting(
    content_sha256: str,
    manifest: dict[str, Any],
    manifest_root: str,
    document: bytes,
    certificate_sha256: str,
) -> None:
    if not document:
        raise PackageInvalid("There is no document to seal.", field="document")
    digests = {"content_sha256": content_sha256, "certificate_sha256": certificate_sha256}
    for field, digest in digests.items():
        if not _DIGEST.fullmatch(digest):
            raise PackageInvalid(f"The {field} is not a SHA-256 digest.", field=field)
    if hashlib.sha256(canonical_bytes(manifest)).hexdigest() != manifest_root:
        raise PackageInvalid("The root is not that of the manifest.", field="manifest_root")


def _require_text(field: str, value: str) -> str:
    """The text without space around it, refused if it says nothing or cannot be stored."""
    text = value.strip()
    longest = getattr(Control._meta.get_field(field), "max_length", None) or LONGEST_TEXT
    if not text:
        raise ControlInvalid(f"The {_words(field)} is empty.", field=field)
    if len(text) > longest:
        raise ControlInvalid(f"The {_words(field)} is longer than {longest}.", field=field)
    if "\x00" in text:
        raise ControlInvalid(
            f"The {_words(field)} has a character that cannot be stored.", field=field
        )
    return text


def _require_among(field: str, values: Sequence[str], known: Sequence[str]) -> list[str]:
    wrong = [value for value in values if value not in known]
    if wrong or not values or len(set(values)) < len(values):
        raise ControlInvalid(
            f"The {_words(field)}: each of {', '.join(known)}, at most once.", field=field
        )
    return [str(value) for value in values]


def _require_keys(keys: Sequence[str]) -> list[str]:
    """Keys of close tasks; whether a template has them is its own matter."""
    wrong = [key for key in keys if not key.strip() or len(key) > 80 or "\x00" in key]
    if wrong or len(keys) > MOST_TASKS or len(set(keys)) < len(keys):
        raise ControlInvalid(
            f"Task keys: up to {MOST_TASKS} different ones of 1 to 80 characters.",
            field="task_keys",
        )
    return list(keys)


def _words(field: str) -> str:
    return field.replace("_", " ")
