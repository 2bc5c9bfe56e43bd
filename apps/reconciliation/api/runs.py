"""REST of runs: start them, read what they found, match by hand and certify."""

from __future__ import annotations

from datetime import datetime

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status, views
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.access import authorize, one_visible
from apps.common.api import ScopedReadView, body_of
from apps.common.errors import Invalid, NotVisible
from apps.common.paging import row_id
from apps.identity.context import actor_of
from apps.operations.idempotency import IdempotentMixin
from apps.reconciliation.filters import RunFilter
from apps.reconciliation.models import Run
from apps.reconciliation.permissions import VIEW_RUNS
from apps.reconciliation.selectors import (
    certification_of,
    match_type_named,
    roll_forward,
    run_as_of,
    runs_for,
    statements_of,
)
from apps.reconciliation.serializers import (
    CertificationSerializer,
    CertifiedSerializer,
    CertifyInput,
    ForceInput,
    RevisedSerializer,
    RollForwardSerializer,
    RunSerializer,
    StartInput,
    StatementSerializer,
    StatusSerializer,
)
from apps.reconciliation.services import certify_run, force_match, start_run
from apps.reconciliation.services.standing import require_outcome
from apps.reconciliation.states import UNDER_WAY

_AT = OpenApiParameter("at", datetime, description="As things stood at this moment.")


class StartView(IdempotentMixin, views.APIView):
    """POST /api/reconciliation/start"""

    @extend_schema(request=StartInput, responses={200: RunSerializer, 202: RunSerializer})
    def post(self, request: Request) -> Response:
        """Queue a run (202); the same items and rules again answer the run that stands (200)."""
        facts = body_of(request, StartInput)
        actor = actor_of(request)
        match_type = match_type_named(
            facts["match_type"], actor=actor, entity_code=facts.get("entity", "")
        )
        run = start_run(
            match_type_id=match_type.pk,
            starts_on=facts["starts_on"],
            ends_on=facts["ends_on"],
            actor=actor,
        )
        is_under_way = run.status in UNDER_WAY
        code = status.HTTP_202_ACCEPTED if is_under_way else status.HTTP_200_OK
        return Response(RunSerializer(run).data, status=code)


class StatusView(views.APIView):
    """GET /api/reconciliation/status?run="""

    @extend_schema(
        parameters=[OpenApiParameter("run", int, required=True)], responses=StatusSerializer
    )
    def get(self, request: Request) -> Response:
        """Where a run is and how far; once it is completed, its match rate and variance."""
        actor = actor_of(request)
        authorize(actor, VIEW_RUNS)
        wanted = row_id(request.query_params.get("run", ""))
        if wanted is None:
            raise Invalid("Send the id of a run.", field="run")
        run = one_visible(runs_for(actor).filter(pk=wanted))
        return Response(StatusSerializer(run).data)


class RunView(IdempotentMixin, ScopedReadView):
    """Runs, newest first."""

    queryset = Run.objects.select_related("entity", "match_type", "rule_set", "requested_by")
    serializer_class = RunSerializer
    filterset_class = RunFilter
    view_permission = VIEW_RUNS

    @extend_schema(request=ForceInput, responses={201: RevisedSerializer})
    @action(detail=True, methods=["post"], url_path="force-match")
    def force_match(self, request: Request, pk: str) -> Response:
        """Match open breaks of the run by hand."""
        run = self.get_object()
        facts = body_of(request, ForceInput)
        actor = actor_of(request)
        done = force_match(run_id=run.pk, break_ids=facts.pop("breaks"), actor=actor, **facts)
        return Response(RevisedSerializer(done).data, status=status.HTTP_201_CREATED)

    @extend_schema(parameters=[_AT], responses=StatementSerializer(many=True), filters=False)
    @action(detail=True, methods=["get"], pagination_class=None)
    def statement(self, request: Request, pk: str) -> Response:
        """From the books' balance to the other side's, item by item, by currency."""
        run, at = self._as_of(request)
        return Response(StatementSerializer(statements_of(run, at), many=True).data)

    @extend_schema(
        parameters=[_AT],
        operation_id="reconciliation_runs_roll_forward",
        responses=RollForwardSerializer(many=True),
        filters=False,
    )
    @action(detail=True, methods=["get"], url_path="roll-forward", pagination_class=None)
    def roll_forward(self, request: Request, pk: str) -> Response:
        """How the open items came to be what they are at the end of the run."""
        run, at = self._as_of(request)
        return Response(RollForwardSerializer(roll_forward(run, at), many=True).data)

    @extend_schema(responses=CertifiedSerializer, filters=False)
    @action(detail=True, methods=["get"], pagination_class=None)
    def certification(self, request: Request, pk: str) -> Response:
        """Who certified the outcome as it is now."""
        return Response(CertifiedSerializer(certification_of(self.get_object())).data)

    @extend_schema(request=CertifyInput, responses={201: CertificationSerializer})
    @certification.mapping.post
    def certify(self, request: Request, pk: str) -> Response:
        """Certify exactly the outcome that was looked at: as its preparer, or as its reviewer."""
        run = self.get_object()
        actor = actor_of(request)
        made = certify_run(run_id=run.pk, actor=actor, **body_of(request, CertifyInput))
        return Response(CertificationSerializer(made).data, status=status.HTTP_201_CREATED)

    def _as_of(self, request: Request) -> tuple[Run, datetime | None]:
        run: Run = self.get_object()
        wanted = request.query_params.get("at", "")
        at = _instant(wanted) if wanted else None
        found = run_as_of(run, at) if at else run
        if found is None:
            raise NotVisible(field="at")
        require_outcome(found)
        return found, at


def _instant(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise Invalid("Send a moment with its offset: 2026-01-31T18:00:00Z.", field="at")
    return at
