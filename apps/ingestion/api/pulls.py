"""REST of connectors: set up sources, have them pulled, and see what became of it."""

from __future__ import annotations

from typing import Any, ClassVar

from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.access import one_visible
from apps.common.api import ScopedReadView, StrictSerializer, body_of
from apps.identity.context import actor_of
from apps.identity.models import Entity
from apps.ingestion.api.files import SourceFilter, SourceSerializer
from apps.ingestion.models import Pull, PullAttempt, Source
from apps.ingestion.permissions import VIEW_SOURCES
from apps.ingestion.selectors import imports_under_way
from apps.ingestion.services import (
    ask_pull,
    change_mapping,
    connect_source,
    define_connected_source,
    retry_pull,
    schedule_source,
)
from apps.ingestion.states import ImportPhase
from apps.operations.idempotency import IdempotentMixin


class AttemptSerializer(serializers.ModelSerializer[PullAttempt]):
    class Meta:
        model = PullAttempt
        fields: ClassVar = (
            "number",
            "status",
            "started_at",
            "ended_at",
            "failure_code",
            "failure_message",
        )


class PullSerializer(serializers.ModelSerializer[Pull]):
    entity = serializers.CharField(source="entity.code")
    source = serializers.CharField(source="source.code")  # type: ignore[assignment]
    asked_by = serializers.CharField(source="asked_by.username")
    attempts = AttemptSerializer(many=True)

    class Meta:
        model = Pull
        fields: ClassVar = (
            "id",
            "entity",
            "source",
            "period",
            "starts_on",
            "ends_on",
            "slot_at",
            "status",
            "due_at",
            "asked_by",
            "asked_at",
            "ended_at",
            "failure_code",
            "failure_message",
            "failure_remedy",
            "batch",
            "failed_import",
            "attempts",
        )


class SeenInput(StrictSerializer):
    expected_version = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=2**31 - 1,
        help_text="The `version` of the source that was read; if it changed since, nothing is"
        " changed (409 STALE_VERSION).",
    )


class ConnectorInput(StrictSerializer):
    connector = serializers.CharField(
        max_length=10, allow_blank=True, help_text="drop, sql, http or ledger; empty for none."
    )
    settings = serializers.JSONField(required=False, help_text="What it fetches, and where.")
    credentials = serializers.JSONField(
        required=False, help_text="Name: secret. Left out, those that are there stay."
    )


class ConnectInput(SeenInput, ConnectorInput):
    """A connector for a source that is there."""


class DefineInput(ConnectorInput):
    entity = serializers.CharField(max_length=20, help_text="Code of the entity.")
    code = serializers.CharField(max_length=50)
    name = serializers.CharField(max_length=200)
    format = serializers.CharField(max_length=20, required=False, allow_blank=True)
    mapping = serializers.JSONField(required=False)
    account_number = serializers.CharField(max_length=50, required=False, allow_blank=True)
    drop_path = serializers.CharField(max_length=200, required=False, allow_blank=True)
    connector = serializers.CharField(max_length=10, required=False, allow_blank=True)
    schedule = serializers.CharField(max_length=100, required=False, allow_blank=True)


class MappingInput(SeenInput):
    mapping = serializers.JSONField(help_text="The field mapping; {} for none.")


class ScheduleInput(SeenInput):
    schedule = serializers.CharField(
        max_length=100,
        allow_blank=True,
        help_text="Five cron fields by the entity's clock, `every 15 minutes`, or empty.",
    )


class AskPullInput(StrictSerializer):
    starts_on = serializers.DateField(required=False)
    ends_on = serializers.DateField(required=False)


class RetryInput(StrictSerializer):
    """Nothing: the path says it all."""


class ImportProgressSerializer(serializers.Serializer[Any]):
    phase = serializers.ChoiceField(choices=ImportPhase.choices)
    rows_done = serializers.IntegerField(help_text="Lines stored so far.")
    rows = serializers.IntegerField(help_text="Lines that are new; 0 before they are stored.")


class PullFilter(filters.FilterSet):
    entity = filters.CharFilter(field_name="entity__code")
    source = filters.CharFilter(field_name="source__code")
    asked_since = filters.IsoDateTimeFilter(field_name="asked_at", lookup_expr="gte")

    class Meta:
        model = Pull
        fields: ClassVar = ("entity", "source", "status", "period")


class SourceView(IdempotentMixin, ScopedReadView):
    """Sources of files, and how they are fetched; POST sets one up."""

    queryset = Source.objects.select_related("entity")
    serializer_class = SourceSerializer
    filterset_class = SourceFilter
    view_permission = VIEW_SOURCES

    @extend_schema(request=DefineInput, responses={201: SourceSerializer})
    def create(self, request: Request) -> Response:
        """Set up a source, with its connector and its schedule."""
        facts = body_of(request, DefineInput)
        actor = actor_of(request)
        entity = one_visible(
            Entity.objects.visible_to(actor).filter(code=facts.pop("entity")), field="entity"
        )
        facts["connector_settings"] = facts.pop("settings", None)
        source = define_connected_source(entity_id=entity.pk, actor=actor, **facts)
        return Response(SourceSerializer(source).data, status=201)

    @extend_schema(request=ConnectInput, responses=SourceSerializer)
    @action(detail=True, methods=["post"])
    def connect(self, request: Request, pk: str) -> Response:
        """Give the source a connector, or other settings for it."""
        facts = body_of(request, ConnectInput)
        actor = actor_of(request)
        source = connect_source(
            source_id=self.get_object().pk,
            connector=facts["connector"],
            connector_settings=facts.get("settings"),
            credentials=facts.get("credentials"),
            expected_version=facts.get("expected_version"),
            actor=actor,
        )
        return Response(SourceSerializer(source).data)

    @extend_schema(request=MappingInput, responses=SourceSerializer)
    @action(detail=True, methods=["post"])
    def mapping(self, request: Request, pk: str) -> Response:
        """Give the source another field mapping; lines imported before stay as they are."""
        facts = body_of(request, MappingInput)
        actor = actor_of(request)
        source = change_mapping(source_id=self.get_object().pk, actor=actor, **facts)
        return Response(SourceSerializer(source).data)

    @extend_schema(request=ScheduleInput, responses=SourceSerializer)
    @action(detail=True, methods=["post"])
    def schedule(self, request: Request, pk: str) -> Response:
        """Have the source pulled by itself."""
        facts = body_of(request, ScheduleInput)
        actor = actor_of(request)
        source = schedule_source(source_id=self.get_object().pk, actor=actor, **facts)
        return Response(SourceSerializer(source).data)

    @extend_schema(responses=ImportProgressSerializer(many=True), filters=False)
    @action(detail=True, methods=["get"], pagination_class=None)
    def progress(self, request: Request, pk: str) -> Response:
        """How far the imports into the source are that are under way, the first one in front."""
        found = imports_under_way(self.get_object())
        return Response(ImportProgressSerializer(found, many=True).data)

    @extend_schema(request=AskPullInput, responses={202: PullSerializer})
    @action(detail=True, methods=["post"])
    def pull(self, request: Request, pk: str) -> Response:
        """Ask for the source to be pulled; the answer comes before the work is done."""
        facts = body_of(request, AskPullInput)
        actor = actor_of(request)
        asked = ask_pull(source_id=self.get_object().pk, actor=actor, **facts)
        return Response(PullSerializer(asked).data, status=202)


class PullView(IdempotentMixin, ScopedReadView):
    """Pulls of sources, newest first, with their attempts."""

    queryset = Pull.objects.select_related("entity", "source", "asked_by").prefetch_related(
        "attempts"
    )
    serializer_class = PullSerializer
    filterset_class = PullFilter
    view_permission = VIEW_SOURCES

    @extend_schema(request=RetryInput, responses={202: PullSerializer})
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, pk: str) -> Response:
        """Try a failed pull again, for the same days."""
        body_of(request, RetryInput)
        actor = actor_of(request)
        asked = retry_pull(pull_id=self.get_object().pk, actor=actor)
        return Response(PullSerializer(asked).data, status=202)
