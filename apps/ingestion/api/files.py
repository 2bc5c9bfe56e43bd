"""REST of the imports: upload a file, and look at what came in."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.common.api import ScopedReadView, StrictSerializer, announced_bytes, body_of
from apps.common.filters import id_filter
from apps.identity.context import actor_of
from apps.ingestion.errors import FileTooLarge
from apps.ingestion.models import Amendment, Batch, FailedImport, Source
from apps.ingestion.permissions import VIEW_SOURCES
from apps.ingestion.selectors import source_named
from apps.ingestion.services import ImportOutcome, import_file, read_again
from apps.operations.envelope import envelope
from apps.operations.idempotency import IdempotentMixin

_AROUND_A_FILE = 64 * 1024  # bytes: the other fields and the frame of a multipart body


class SourceSerializer(serializers.ModelSerializer[Source]):
    entity = serializers.CharField(source="entity.code")

    class Meta:
        model = Source
        fields: ClassVar = (
            "id",
            "entity",
            "code",
            "name",
            "format",
            "mapping",
            "drop_path",
            "is_active",
            "connector",
            "connector_settings",
            "schedule",
            "version",
        )


class BatchSerializer(serializers.ModelSerializer[Batch]):
    entity = serializers.CharField(source="entity.code")
    source = serializers.CharField(source="source.code")  # type: ignore[assignment]
    statements = serializers.SerializerMethodField()
    imported_by = serializers.CharField(source="imported_by.username")

    class Meta:
        model = Batch
        fields: ClassVar[Any] = (
            "id",
            "entity",
            "source",
            "filename",
            "sha256",
            "size_bytes",
            "format",
            "conventions",
            "reading",
            "line_count",
            "added_count",
            "amended_count",
            "closed_periods",
            "rejected_count",
            "pending_count",
            "control_totals",
            "statements",
            "starts_on",
            "ends_on",
            "imported_by",
            "imported_at",
        )

    def get_statements(self, batch: Batch) -> list[dict[str, Any]]:
        """Balances and totals; without the keyed hashes of the accounts."""
        return [
            {name: value for name, value in statement.items() if name != "account_keys"}
            for statement in batch.statements
        ]


class UploadedBatchSerializer(BatchSerializer):
    is_new = serializers.BooleanField(help_text="False: exactly this file was known already.")

    class Meta(BatchSerializer.Meta):
        fields: ClassVar[Any] = (*BatchSerializer.Meta.fields, "is_new")


class AmendmentSerializer(serializers.ModelSerializer[Amendment]):
    source = serializers.CharField(source="record.source.code")  # type: ignore[assignment]
    external_id = serializers.CharField(source="record.external_id")
    batch = serializers.IntegerField(source="record.batch_id")
    line = serializers.IntegerField(source="record.line")
    superseded_batch = serializers.IntegerField(source="supersedes.batch_id")
    superseded_line = serializers.IntegerField(source="supersedes.line")

    class Meta:
        model = Amendment
        fields: ClassVar = (
            "id",
            "source",
            "external_id",
            "record",
            "batch",
            "line",
            "supersedes",
            "superseded_batch",
            "superseded_line",
        )


class FailedImportSerializer(serializers.ModelSerializer[FailedImport]):
    entity = serializers.CharField(source="entity.code")
    source = serializers.CharField(source="source.code")  # type: ignore[assignment]
    imported_by = serializers.CharField(source="imported_by.username")

    class Meta:
        model = FailedImport
        fields: ClassVar = (
            "id",
            "entity",
            "source",
            "filename",
            "sha256",
            "size_bytes",
            "code",
            "message",
            "remedy",
            "line",
            "field",
            "imported_by",
            "failed_at",
        )


class UploadInput(StrictSerializer):
    source = serializers.CharField(  # type: ignore[assignment]
        max_length=50, help_text="Code or id of the source."
    )
    entity = serializers.CharField(
        max_length=20, required=False, help_text="Where several entities have this code."
    )
    file = serializers.FileField(allow_empty_file=True)

    def to_internal_value(self, data: Any) -> Any:
        repeated = [name for name in data if len(data.getlist(name)) > 1]
        if repeated:
            raise serializers.ValidationError({name: ["Send this once."] for name in repeated})
        return super().to_internal_value(data)


class SourceFilter(filters.FilterSet):
    entity = filters.CharFilter(field_name="entity__code")
    file_format = filters.CharFilter(field_name="format")

    class Meta:
        model = Source
        fields: ClassVar = ("entity", "code", "file_format", "is_active")


class BatchFilter(filters.FilterSet):
    entity = filters.CharFilter(field_name="entity__code")
    source = filters.CharFilter(field_name="source__code")
    file_format = filters.CharFilter(field_name="format")
    covers_from = filters.DateFilter(field_name="ends_on", lookup_expr="gte")
    covers_until = filters.DateFilter(field_name="starts_on", lookup_expr="lte")
    imported_since = filters.IsoDateTimeFilter(field_name="imported_at", lookup_expr="gte")
    has_rejected = filters.BooleanFilter(method="with_rejected", label="Has rejected lines")

    class Meta:
        model = Batch
        fields: ClassVar = ("entity", "source", "sha256", "file_format")

    def with_rejected(self, queryset: Any, name: str, value: bool) -> Any:
        wanted = queryset.filter(rejected_count__gt=0)
        return wanted if value else queryset.filter(rejected_count=0)


class AmendmentFilter(filters.FilterSet):
    source = filters.CharFilter(field_name="record__source__code")
    batch = id_filter("record__batch_id")
    external_id = filters.CharFilter(field_name="record__external_id")

    class Meta:
        model = Amendment
        fields: ClassVar = ("source", "batch", "external_id")


class FailedImportFilter(filters.FilterSet):
    entity = filters.CharFilter(field_name="entity__code")
    source = filters.CharFilter(field_name="source__code")
    failed_since = filters.IsoDateTimeFilter(field_name="failed_at", lookup_expr="gte")

    class Meta:
        model = FailedImport
        fields: ClassVar = ("entity", "source", "code", "sha256")


class UploadView(IdempotentMixin, APIView):
    """Import a file.

    A file that cannot be trusted as a whole is refused with 422; that it came, and why it was
    refused, stays on record all the same.
    """

    parser_classes = (MultiPartParser,)
    keeps_refusals = True

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse what is too large before it is read."""
        _require_size(announced_bytes(request) - _AROUND_A_FILE)
        super().initial(request, *args, **kwargs)

    @extend_schema(
        request={"multipart/form-data": UploadInput},
        responses={200: UploadedBatchSerializer, 201: UploadedBatchSerializer},
    )
    def post(self, request: Request) -> Response:
        """Import a file into a source; the same file again changes nothing (200)."""
        facts = body_of(request, UploadInput)
        actor = actor_of(request)
        source = source_named(facts["source"], actor=actor, entity_code=facts.get("entity", ""))
        file = facts["file"]
        _require_size(file.size)
        outcome = import_file(
            source_id=source.pk, filename=file.name, content=file.read(), actor=actor
        )
        return _told(outcome)


class ReadAgainInput(StrictSerializer):
    """Nothing: the path says it all."""


class BatchView(IdempotentMixin, ScopedReadView):
    """Files as they were imported, with their totals and statements."""

    keeps_refusals = True

    queryset = Batch.objects.select_related("entity", "source", "imported_by")
    serializer_class = BatchSerializer
    filterset_class = BatchFilter
    view_permission = VIEW_SOURCES

    @extend_schema(
        request=ReadAgainInput,
        responses={200: UploadedBatchSerializer, 201: UploadedBatchSerializer},
    )
    @action(detail=True, methods=["post"], url_path="read-again")
    def read_again(self, request: Request, pk: str) -> Response:
        """Read the rejected lines again by the mapping of today; 200 if nothing can differ."""
        body_of(request, ReadAgainInput)
        actor = actor_of(request)
        return _told(read_again(batch_id=self.get_object().pk, actor=actor))


class AmendmentView(ScopedReadView):
    """Records that took the place of earlier ones, because their source says something else."""

    queryset = Amendment.objects.select_related("record__source", "supersedes")
    serializer_class = AmendmentSerializer
    filterset_class = AmendmentFilter
    view_permission = VIEW_SOURCES


class FailedImportView(ScopedReadView):
    """Files that were refused as a whole, and why."""

    queryset = FailedImport.objects.select_related("entity", "source", "imported_by")
    serializer_class = FailedImportSerializer
    filterset_class = FailedImportFilter
    view_permission = VIEW_SOURCES


def _told(outcome: ImportOutcome) -> Response:
    if outcome.failure is not None:
        return Response(_refusal(outcome.failure), status=422)
    batch: Any = outcome.batch
    batch.is_new = outcome.is_new
    code = status.HTTP_201_CREATED if outcome.is_new else status.HTTP_200_OK
    return Response(UploadedBatchSerializer(batch).data, status=code)


def _require_size(size_bytes: int) -> None:
    if size_bytes > settings.UPLOAD_MAX_BYTES:
        raise FileTooLarge(f"A file has at most {settings.UPLOAD_MAX_BYTES:,} bytes.", field="file")


def _refusal(failure: FailedImport) -> dict[str, Any]:
    details: dict[str, Any] = {"failed_import": failure.pk, "remedy": failure.remedy}
    if failure.line is not None:
        details["line"] = failure.line
    if failure.field:
        details["field"] = failure.field
    return envelope(code=failure.code, message=failure.message, details=details)
