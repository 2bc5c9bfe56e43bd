"""REST of match groups: look at them, take them back, and let them be made again."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.access import one_visible
from apps.common.api import ScopedReadView, body_of
from apps.common.paging import row_id
from apps.identity.context import actor_of
from apps.operations.idempotency import IdempotentMixin
from apps.reconciliation.filters import GroupFilter
from apps.reconciliation.models import MatchGroup
from apps.reconciliation.permissions import VIEW_RUNS
from apps.reconciliation.selectors import with_items
from apps.reconciliation.serializers import (
    GroupSerializer,
    PermitSerializer,
    ReasonInput,
    RevisedSerializer,
)
from apps.reconciliation.services import permit_rematch, unmatch_group


class GroupView(IdempotentMixin, ScopedReadView):
    """Match groups with their items, newest first."""

    queryset = MatchGroup.objects.select_related("run")
    serializer_class = GroupSerializer
    filterset_class = GroupFilter
    view_permission = VIEW_RUNS

    def paginate_queryset(self, queryset: Any) -> Any:
        return with_items(super().paginate_queryset(queryset) or [])

    def get_object(self) -> MatchGroup:
        return with_items([super().get_object()])[0]

    @extend_schema(request=ReasonInput, responses={201: RevisedSerializer})
    @action(detail=True, methods=["post"])
    def unmatch(self, request: Request, pk: str) -> Response:
        """Take a match back; its items are open breaks, every other match stays."""
        group = self.get_object()
        actor = actor_of(request)
        facts = body_of(request, ReasonInput)
        done = unmatch_group(run_id=group.run_id, number=group.number, actor=actor, **facts)
        return Response(RevisedSerializer(done).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=ReasonInput, responses={201: PermitSerializer})
    @action(detail=True, methods=["post"], url_path="permit-rematch")
    def permit_rematch(self, request: Request, pk: str) -> Response:
        """Let rules make a match again that was taken back."""
        actor = actor_of(request)
        groups: Any = MatchGroup.ever.visible_to(actor)
        group = one_visible(groups.filter(pk=row_id(pk)))
        facts = body_of(request, ReasonInput)
        permit = permit_rematch(run_id=group.run_id, number=group.number, actor=actor, **facts)
        return Response(PermitSerializer(permit).data, status=status.HTTP_201_CREATED)
