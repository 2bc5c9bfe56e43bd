"""How controls and packages leave by REST and by download."""

from __future__ import annotations

import base64
from io import BytesIO
from typing import Any, ClassVar

from django.http import FileResponse
from rest_framework import serializers

from apps.common.api import StrictSerializer
from apps.common.roles import ROLES
from apps.compliance.models import Control, EvidencePackage
from apps.compliance.selectors import file_name
from apps.compliance.services import LONGEST_TEXT, MOST_TASKS
from apps.compliance.states import Assertion, Automation, Nature


def as_download(package: EvidencePackage, document: bytes) -> FileResponse:
    """The signed PDF as a file to keep; its digest travels along (RFC 9530)."""
    digest = base64.b64encode(bytes.fromhex(package.document_sha256)).decode()
    return FileResponse(
        BytesIO(document),
        as_attachment=True,
        filename=file_name(package),
        content_type="application/pdf",
        headers={"Cache-Control": "private, no-store", "Repr-Digest": f"sha-256=:{digest}:"},
    )


class ControlSerializer(serializers.ModelSerializer[Control]):
    entity = serializers.CharField(source="entity.code")

    class Meta:
        model = Control
        fields: ClassVar = (
            "id",
            "entity",
            "identifier",
            "name",
            "objective",
            "risk",
            "assertions",
            "coso_principle",
            "nature",
            "automation",
            "is_key",
            "frequency",
            "owner_role",
            "task_keys",
            "version",
        )


class ControlInput(StrictSerializer):
    entity = serializers.CharField(max_length=20)
    identifier = serializers.CharField(max_length=30)
    name = serializers.CharField(max_length=200)
    objective = serializers.CharField(max_length=LONGEST_TEXT)
    risk = serializers.CharField(max_length=LONGEST_TEXT)
    assertions = serializers.ListField(
        child=serializers.ChoiceField(Assertion.choices), allow_empty=False
    )
    coso_principle = serializers.CharField(max_length=100)
    nature = serializers.ChoiceField(Nature.choices)
    automation = serializers.ChoiceField(Automation.choices)
    owner_role = serializers.ChoiceField(ROLES)
    task_keys = serializers.ListField(
        child=serializers.CharField(max_length=80), max_length=MOST_TASKS, default=list
    )
    is_key = serializers.BooleanField(default=True)
    frequency = serializers.CharField(max_length=30, default="monthly")


class PackageSerializer(serializers.ModelSerializer[EvidencePackage]):
    entity = serializers.CharField(source="entity.code")
    period = serializers.CharField(source="close_run.period.name")
    made_by = serializers.CharField(source="made_by.username")
    is_superseded = serializers.SerializerMethodField(
        help_text="By a newer version, or because its period was reopened since."
    )
    reopening_since = serializers.IntegerField(
        allow_null=True, help_text="Id of the reopening that superseded it; null without one."
    )

    class Meta:
        model = EvidencePackage
        fields: ClassVar[Any] = (
            "id",
            "entity",
            "period",
            "close_run",
            "version",
            "supersedes",
            "is_superseded",
            "reopening_since",
            "manifest_root",
            "content_sha256",
            "document_sha256",
            "document_size_bytes",
            "certificate_sha256",
            "made_by",
            "made_at",
        )

    def get_is_superseded(self, package: EvidencePackage) -> bool:
        return hasattr(package, "superseded_by") or package.reopening_since is not None


class PackageDetailSerializer(PackageSerializer):
    manifest = serializers.JSONField(
        help_text="Path, SHA-256, size and media type of each file; its own SHA-256 is the root."
    )

    class Meta(PackageSerializer.Meta):
        fields: ClassVar[Any] = (*PackageSerializer.Meta.fields, "manifest")
