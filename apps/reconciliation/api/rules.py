"""REST of match types: their rules, trying them, and what is done about small breaks."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.api import ScopedReadView, body_of
from apps.common.errors import NotVisible
from apps.identity.context import actor_of
from apps.operations.idempotency import IdempotentMixin
from apps.reconciliation.filters import MatchTypeFilter
from apps.reconciliation.models import MatchType, ResolutionRule
from apps.reconciliation.permissions import VIEW_RUNS
from apps.reconciliation.selectors import versions_of
from apps.reconciliation.serializers import (
    MatchTypeSerializer,
    PreviewInput,
    PreviewSerializer,
    ProposalInput,
    ResolutionInput,
    ResolutionSerializer,
    RuleSetSerializer,
)
from apps.reconciliation.services import (
    change_rules,
    preview_rules,
    propose_resolution,
    retire_resolution,
)


class MatchTypeView(IdempotentMixin, ScopedReadView):
    """Match types."""

    queryset = MatchType.objects.select_related("entity", "left_source", "right_source")
    serializer_class = MatchTypeSerializer
    filterset_class = MatchTypeFilter
    view_permission = VIEW_RUNS

    @extend_schema(responses=RuleSetSerializer(many=True), filters=False)
    @action(detail=True, methods=["get"], pagination_class=None)
    def rules(self, request: Request, pk: str) -> Response:
        """Every version of the rules, newest first, and which of them is in force."""
        versions = [line.version for line in versions_of(self.get_object())]
        return Response(RuleSetSerializer(versions, many=True).data)

    @extend_schema(request=ProposalInput, responses={201: RuleSetSerializer})
    @rules.mapping.post
    def propose(self, request: Request, pk: str) -> Response:
        """Propose other rules; its `status` says whether they wait for an approval."""
        match_type = self.get_object()
        facts = body_of(request, ProposalInput)
        actor = actor_of(request)
        version = change_rules(match_type_id=match_type.pk, actor=actor, **facts)
        return Response(RuleSetSerializer(version).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=PreviewInput, responses=PreviewSerializer)
    @action(detail=True, methods=["post"])
    def preview(self, request: Request, pk: str) -> Response:
        """Try rules on what a run of this match type compared; nothing is stored."""
        match_type = self.get_object()
        facts = body_of(request, PreviewInput)
        actor = actor_of(request)
        if not match_type.runs.filter(pk=facts["run"]).exists():
            raise NotVisible(field="run")
        tried = preview_rules(run_id=facts["run"], rules=facts["rules"], actor=actor)
        return Response(PreviewSerializer(tried).data)

    @extend_schema(request=ResolutionInput, responses={201: ResolutionSerializer})
    @action(detail=True, methods=["post"], url_path="resolution-rules")
    def propose_resolution(self, request: Request, pk: str) -> Response:
        """Propose that small breaks of a cause are booked against an account from now on."""
        match_type = self.get_object()
        actor = actor_of(request)
        facts = body_of(request, ResolutionInput)
        rule = propose_resolution(match_type_id=match_type.pk, actor=actor, **facts)
        return Response(ResolutionSerializer(rule).data, status=status.HTTP_201_CREATED)


class ResolutionView(IdempotentMixin, ScopedReadView):
    """Rules for small breaks, in force or not, newest first."""

    queryset = ResolutionRule.objects.select_related("created_by")
    serializer_class = ResolutionSerializer
    view_permission = VIEW_RUNS

    @extend_schema(request=None, responses=ResolutionSerializer)
    @action(detail=True, methods=["post"])
    def retire(self, request: Request, pk: str) -> Response:
        """Take a rule out of force, or a proposal back."""
        rule = self.get_object()
        actor = actor_of(request)
        return Response(ResolutionSerializer(retire_resolution(rule_id=rule.pk, actor=actor)).data)
