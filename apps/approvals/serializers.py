"""How evidence comes in and leaves, by REST and by page."""

from __future__ import annotations

import base64
from io import BytesIO
from typing import Any, ClassVar, Final

from django.core.files.uploadedfile import UploadedFile
from django.http import FileResponse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.approvals.models import Attachment
from apps.approvals.rules import LONGEST_TEXT, Evidence
from apps.approvals.services import bring
from apps.approvals.states import EvidenceKind
from apps.common.api import StrictSerializer

_SANDBOX: Final = "sandbox; default-src 'none'; frame-ancestors 'none'"


def as_content(attachment: Attachment, content: bytes) -> FileResponse:
    """The content under its own type, and nothing in it may run or reach out.

    Pictures and plain text are shown, everything else is a file to keep. Its digest travels along
    (RFC 9530).
    """
    digest = base64.b64encode(bytes.fromhex(attachment.sha256)).decode()
    is_shown = attachment.is_image or attachment.is_text
    # As text/csv a browser would save it instead of showing it.
    shown_as = "text/plain; charset=utf-8" if attachment.is_text else attachment.content_type
    return FileResponse(
        BytesIO(content),
        as_attachment=not is_shown,
        filename=attachment.filename,
        content_type=shown_as,
        headers={
            "Cache-Control": "private, no-store",
            "Content-Security-Policy": _SANDBOX,
            "Cross-Origin-Resource-Policy": "same-origin",
            "Repr-Digest": f"sha-256=:{digest}:",
            "X-Content-Type-Options": "nosniff",
        },
    )


class AttachmentSerializer(serializers.ModelSerializer[Attachment]):
    attached_by = serializers.CharField(source="attached_by.username")

    class Meta:
        model = Attachment
        fields: ClassVar = (
            "id",
            "request",
            "kind",
            "filename",
            "content_type",
            "size_bytes",
            "sha256",
            "subject_hash",
            "decision",
            "carried_from",
            "attached_by",
            "attached_at",
        )


class OnceEach(StrictSerializer):
    """A form in which nothing is sent twice: the second would silently win."""

    def to_internal_value(self, data: Any) -> Any:
        values_of = getattr(data, "getlist", None)  # JSON has one of each
        repeated = [name for name in data if values_of and len(values_of(name)) > 1]
        if repeated:
            raise serializers.ValidationError({name: ["Send this once."] for name in repeated})
        return super().to_internal_value(data)


class AttachInput(OnceEach):
    request = serializers.IntegerField(min_value=1, help_text="The request that it is for.")
    kind = serializers.ChoiceField(EvidenceKind.choices)
    file = serializers.FileField(required=False, allow_empty_file=True)
    text = serializers.CharField(
        required=False, max_length=LONGEST_TEXT, help_text="Instead of a file."
    )
    expected_version = serializers.IntegerField(
        min_value=1, help_text="The `version` of the request that the caller looked at."
    )

    def validate(self, attrs: Any) -> Any:
        if ("file" in attrs) == ("text" in attrs):
            raise serializers.ValidationError({"file": ["Send a file or a text."]})
        return attrs

    def evidence(self) -> Evidence:
        """What came, after it was found valid."""
        facts = self.validated_data
        name = "file" if "file" in facts else "text"
        return bring(facts["kind"], facts[name], field=name)


@extend_schema_field(
    {
        "oneOf": [
            {"type": "string", "maxLength": LONGEST_TEXT},
            {"type": "string", "format": "binary"},
        ]
    }
)
class EvidenceField(serializers.Field[Any, Any, Any, Any]):
    """A file of a multipart body, or text."""

    def to_internal_value(self, data: Any) -> UploadedFile | str:
        if isinstance(data, UploadedFile):
            file: UploadedFile = serializers.FileField(allow_empty_file=True).run_validation(data)
            return file
        return str(serializers.CharField(max_length=LONGEST_TEXT).run_validation(data))


class BroughtInput(OnceEach):
    """What an approver brings along with his decision: each kind a file, or text."""

    screenshot = EvidenceField(required=False, help_text="PNG or JPEG.")
    explanation = EvidenceField(required=False)
    document = EvidenceField(required=False)
    calculation = EvidenceField(required=False)
    resolution = EvidenceField(
        required=False, help_text="How what was open was resolved; plain text."
    )

    def brought(self) -> list[Evidence]:
        """What came, after it was found valid."""
        facts = self.validated_data
        return [
            bring(kind.value, facts[kind.value], field=kind.value)
            for kind in EvidenceKind
            if kind.value in facts
        ]

    def plain(self) -> dict[str, Any]:
        """The other fields."""
        facts = self.validated_data
        return {name: facts[name] for name in facts if name not in EvidenceKind.values}
