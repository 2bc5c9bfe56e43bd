"""REST of breaks: look at them, and say or do something about them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.api import ScopedReadView, body_of
from apps.identity.context import actor_of
from apps.identity.models import User
from apps.operations.idempotency import IdempotentMixin
from apps.reconciliation.filters import BreakFilter
from apps.reconciliation.models import Break, Correction
from apps.reconciliation.permissions import VIEW_RUNS
from apps.reconciliation.selectors import break_items
from apps.reconciliation.serializers import (
    AssignInput,
    AssignmentSerializer,
    BreakSerializer,
    CorrectInput,
    CorrectionSerializer,
    ReviewInput,
    RevisedSerializer,
    SplitInput,
    WriteOffInput,
    WriteOffSerializer,
)
from apps.reconciliation.services import (
    accept_break,
    assign_break,
    correct_cause,
    explain_break,
    reopen_break,
    split_break,
    write_off_break,
)
from apps.reconciliation.states import RunStatus


class BreakView(IdempotentMixin, ScopedReadView):
    """Breaks with their items: of the runs that stand, or of the run that is asked for."""

    queryset = Break.objects.select_related(
        "run__match_type", "review__explained_by", "review__accepted_by"
    ).prefetch_related(break_items())
    serializer_class = BreakSerializer
    filterset_class = BreakFilter
    view_permission = VIEW_RUNS

    def get_queryset(self) -> Any:
        breaks = super().get_queryset()
        if self.action == "list" and "run" not in self.request.query_params:
            return breaks.filter(run__status=RunStatus.COMPLETED)
        return breaks

    @extend_schema(request=ReviewInput, responses=BreakSerializer)
    @action(detail=True, methods=["post"])
    def explain(self, request: Request, pk: str) -> Response:
        """Say why a break is there."""
        return self._review(request, explain_break)

    @extend_schema(request=ReviewInput, responses=BreakSerializer)
    @action(detail=True, methods=["post"])
    def accept(self, request: Request, pk: str) -> Response:
        """Accept a break that somebody else explained."""
        return self._review(request, accept_break)

    @extend_schema(request=ReviewInput, responses=BreakSerializer)
    @action(detail=True, methods=["post"])
    def reopen(self, request: Request, pk: str) -> Response:
        """Take an explanation or acceptance back."""
        return self._review(request, reopen_break)

    @extend_schema(request=CorrectInput, responses={201: CorrectionSerializer})
    @action(detail=True, methods=["post"])
    def correct(self, request: Request, pk: str) -> Response:
        """Give a break its right cause; another break takes its place."""
        made = self._change(request, correct_cause, CorrectInput)
        return Response(CorrectionSerializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=SplitInput, responses={201: RevisedSerializer})
    @action(detail=True, methods=["post"])
    def split(self, request: Request, pk: str) -> Response:
        """Take a break apart; each part is a break of its own."""
        made = self._change(request, split_break, SplitInput)
        return Response(RevisedSerializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=WriteOffInput, responses={201: WriteOffSerializer})
    @action(detail=True, methods=["post"], url_path="write-off")
    def write_off(self, request: Request, pk: str) -> Response:
        """Draft an entry that books the break's amount against an account."""
        made = self._change(request, write_off_break, WriteOffInput)
        return Response(WriteOffSerializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=AssignInput, responses={201: AssignmentSerializer})
    @action(detail=True, methods=["post"])
    def assign(self, request: Request, pk: str) -> Response:
        """Give a break to somebody, instead of whoever had it."""
        broken = self.get_object()
        facts = body_of(request, AssignInput)
        owner = User.objects.filter(username=facts["owner"]).first()
        actor = actor_of(request)
        made = assign_break(
            break_id=broken.pk,
            owner_id=owner.pk if owner else 0,
            reason=facts["reason"],
            actor=actor,
        )
        return Response(AssignmentSerializer(made).data, status=status.HTTP_201_CREATED)

    def _change(self, request: Request, service: Callable[..., Any], shape: Any) -> Any:
        broken = self.get_object()
        return service(break_id=broken.pk, actor=request.user, **body_of(request, shape))

    def _review(self, request: Request, service: Callable[..., Any]) -> Response:
        self._change(request, service, ReviewInput)
        return Response(self.get_serializer(self.get_object()).data)


class CorrectionView(ScopedReadView):
    """Corrected causes, newest first: labels to learn from."""

    queryset = Correction.objects.select_related("corrected_by")
    serializer_class = CorrectionSerializer
    view_permission = VIEW_RUNS
