"""REST of field mappings: try one on a sample, where nothing is stored."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.common.api import AmountField, StrictSerializer, body_of
from apps.common.parsers import StrictJSONParser, reason, strict_json
from apps.identity.context import actor_of
from apps.ingestion.selectors import reading_shown
from apps.ingestion.services import MappingPreview, preview_mapping

_LINES = 100
_MOST_REJECTED = 1_000


class MappingPreviewInput(StrictSerializer):
    mapping = serializers.JSONField(
        required=False, help_text="The field mapping to try; as JSON text beside a file."
    )
    file = serializers.FileField(
        required=False,
        allow_empty_file=True,
        help_text="A sample. Left out, the file that came last into the source.",
    )

    def validate_mapping(self, value: Any) -> dict[str, Any]:
        """A part of a form is text; a body of JSON was read strictly already."""
        if isinstance(value, str):
            try:
                value = strict_json(value)
            except (ValueError, RecursionError) as error:
                raise serializers.ValidationError(f"This is not JSON: {reason(error)}.") from None
        if not isinstance(value, dict):
            raise serializers.ValidationError("A field mapping is a JSON object.")
        return value


class PreviewedLineSerializer(serializers.Serializer[Any]):
    line = serializers.IntegerField()
    external_id = serializers.CharField()
    account = serializers.CharField()
    booked_on = serializers.DateField()
    value_on = serializers.DateField(allow_null=True)
    amount = AmountField()
    currency = serializers.CharField()
    reference = serializers.CharField()
    counterparty = serializers.CharField()
    narrative = serializers.CharField()
    attributes = serializers.DictField(child=serializers.CharField())


class PreviewedRejectionSerializer(serializers.Serializer[Any]):
    line = serializers.IntegerField()
    field = serializers.CharField()
    reason = serializers.CharField()


class PreviewRefusalSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()
    remedy = serializers.CharField()
    line = serializers.IntegerField(allow_null=True)
    field = serializers.CharField()


class MappingPreviewSerializer(serializers.Serializer[Any]):
    filename = serializers.CharField()
    refusal = PreviewRefusalSerializer(
        allow_null=True, help_text="Why the file as a whole would be refused; null if it is read."
    )
    format = serializers.CharField()
    conventions = serializers.DictField(child=serializers.CharField())
    line_count = serializers.IntegerField()
    rejected_count = serializers.IntegerField()
    control_totals = serializers.DictField(child=serializers.CharField())
    statements = serializers.ListField(child=serializers.DictField())
    lines = PreviewedLineSerializer(many=True, help_text=f"The first {_LINES}.")
    rejected = PreviewedRejectionSerializer(many=True, help_text=f"The first {_MOST_REJECTED:,}.")


class MappingPreviewView(APIView):
    """Try a field mapping on a file; nothing is stored, so there is no idempotency key."""

    parser_classes = (MultiPartParser, StrictJSONParser)

    @extend_schema(
        request={
            "multipart/form-data": MappingPreviewInput,
            "application/json": MappingPreviewInput,
        },
        responses=MappingPreviewSerializer,
    )
    def post(self, request: Request, pk: int) -> Response:
        """What the mapping makes of a sample: lines, rejected lines, totals, statements."""
        facts = body_of(request, MappingPreviewInput)
        file = facts.get("file")
        actor = actor_of(request)
        tried = preview_mapping(
            source_id=pk,
            mapping=facts.get("mapping"),
            content=file.read() if file else None,
            filename=file.name if file else "",
            actor=actor,
        )
        return Response(MappingPreviewSerializer(_facts(tried, actor)).data)


def _facts(tried: MappingPreview, actor: Any) -> dict[str, Any]:
    reading = tried.reading
    return {
        "filename": tried.filename,
        "refusal": tried.refusal,
        "format": reading.format if reading else "",
        "conventions": reading.conventions if reading else {},
        "line_count": reading.lines.height if reading else 0,
        "rejected_count": len(reading.rejected) if reading else 0,
        "control_totals": tried.control_totals,
        "statements": [
            {name: value for name, value in facts.items() if name != "account_keys"}
            for facts in tried.statements
        ],
        "lines": reading_shown(reading, actor=actor, source=tried.source, most=_LINES)
        if reading
        else [],
        "rejected": reading.rejected[:_MOST_REJECTED] if reading else (),
    }
