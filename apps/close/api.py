"""REST of the close: templates, runs, tasks and what may be done with them."""

from __future__ import annotations

from typing import ClassVar

from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.close.models import CloseRun, CloseTask, CloseTemplate
from apps.close.permissions import VIEW_CLOSE
from apps.close.selectors import progress, tasks_of
from apps.close.services import complete_task, open_run, retry_task
from apps.common.api import ScopedReadView, StrictSerializer, body_of
from apps.common.filters import id_filter
from apps.identity.context import actor_of
from apps.operations.idempotency import IdempotentMixin


class TemplateSerializer(serializers.ModelSerializer[CloseTemplate]):
    entity = serializers.CharField(source="entity.code")

    class Meta:
        model = CloseTemplate
        fields: ClassVar = ("id", "entity", "code", "name", "version", "tasks")


class TaskSerializer(serializers.ModelSerializer[CloseTask]):
    owner = serializers.CharField(source="owner.username", default=None)
    attempts = serializers.IntegerField(source="attempts.count")

    class Meta:
        model = CloseTask
        fields: ClassVar = (
            "id",
            "run",
            "key",
            "name",
            "status",
            "is_automated",
            "owner_role",
            "owner",
            "due_at",
            "started_at",
            "completed_at",
            "duration_estimate_minutes",
            "note",
            "attempts",
            "version",
        )


class RunSerializer(serializers.ModelSerializer[CloseRun]):
    entity = serializers.CharField(source="entity.code")
    period = serializers.CharField(source="period.name")
    template = serializers.CharField(source="template.code")
    progress = serializers.SerializerMethodField()

    class Meta:
        model = CloseRun
        fields: ClassVar = (
            "id",
            "entity",
            "period",
            "template",
            "template_version",
            "status",
            "opened_at",
            "completed_at",
            "progress",
        )

    def get_progress(self, run: CloseRun) -> dict[str, int]:
        """Tasks by what has become of them."""
        counted = progress(tasks_of(run.pk))
        return {
            "done": counted.done,
            "total": counted.total,
            "failed": counted.failed,
            "waiting": counted.waiting,
            "late": counted.late,
        }


class OpenRunInput(StrictSerializer):
    template = serializers.IntegerField()
    period = serializers.IntegerField()


class CompleteInput(StrictSerializer):
    comment = serializers.CharField(max_length=2000)
    expected_version = serializers.IntegerField()


class EmptyInput(StrictSerializer):
    """Nothing: the path says it all."""


class TaskFilter(filters.FilterSet):
    run = id_filter("run_id")
    period = filters.CharFilter(field_name="run__period__name")

    class Meta:
        model = CloseTask
        fields: ClassVar = ("run", "status", "key", "owner_role", "period")


class RunFilter(filters.FilterSet):
    period = filters.CharFilter(field_name="period__name")
    entity = filters.CharFilter(field_name="entity__code")

    class Meta:
        model = CloseRun
        fields: ClassVar = ("status", "period", "entity")


class TemplateView(ScopedReadView):
    """Close templates."""

    queryset = CloseTemplate.objects.select_related("entity")
    serializer_class = TemplateSerializer
    view_permission = VIEW_CLOSE


class RunView(IdempotentMixin, ScopedReadView):
    """Close runs, newest first; POST opens one."""

    queryset = CloseRun.objects.select_related("entity", "period", "template")
    serializer_class = RunSerializer
    filterset_class = RunFilter
    view_permission = VIEW_CLOSE

    @extend_schema(request=OpenRunInput, responses={201: RunSerializer})
    def create(self, request: Request) -> Response:
        """Open the close of a period."""
        facts = body_of(request, OpenRunInput)
        actor = actor_of(request)
        opened = open_run(template_id=facts["template"], period_id=facts["period"], actor=actor)
        return Response(RunSerializer(opened).data, status=201)


class TaskView(IdempotentMixin, ScopedReadView):
    """Tasks of close runs."""

    queryset = CloseTask.objects.select_related("owner", "run__period")
    serializer_class = TaskSerializer
    filterset_class = TaskFilter
    view_permission = VIEW_CLOSE

    @extend_schema(request=CompleteInput, responses=TaskSerializer)
    @action(detail=True, methods=["post"])
    def complete(self, request: Request, pk: str) -> Response:
        """Tick a manual task off."""
        facts = body_of(request, CompleteInput)
        actor = actor_of(request)
        done = complete_task(task_id=self.get_object().pk, actor=actor, **facts)
        return Response(TaskSerializer(done).data)

    @extend_schema(request=EmptyInput, responses=TaskSerializer)
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, pk: str) -> Response:
        """Give a failed, returned or stale task another try."""
        body_of(request, EmptyInput)
        actor = actor_of(request)
        retried = retry_task(task_id=self.get_object().pk, actor=actor)
        return Response(TaskSerializer(retried).data)
