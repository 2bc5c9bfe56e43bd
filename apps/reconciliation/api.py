"""REST of reconciliation: start runs, read what they found, say something about breaks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status, views
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.access import authorize
from apps.common.api import ScopedReadView, body_of
from apps.common.errors import Invalid, NotVisible
from apps.identity.models import User
from apps.operations.idempotency import IdempotentMixin
from apps.reconciliation.filters import BreakFilter, GroupFilter, MatchTypeFilter, RunFilter
from apps.reconciliation.models import (
    Break,
    Correction,
    MatchGroup,
    MatchType,
    ResolutionRule,
    Run,
)
from apps.reconciliation.permissions import VIEW_RUNS
from apps.reconciliation.selectors import (
    break_items,
    certification_of,
    match_type_named,
    roll_forward,
    run_as_of,
    runs_for,
    statements_of,
    versions_of,
    with_items,
)
from apps.reconciliation.serializers import (
    AssignInput,
    AssignmentSerializer,
    BreakSerializer,
    CertificationSerializer,
    CertifiedSerializer,
    CertifyInput,
    CorrectInput,
    CorrectionSerializer,
    ForceInput,
    GroupSerializer,
    MatchTypeSerializer,
    PermitSerializer,
    PreviewInput,
    PreviewSerializer,
    ReasonInput,
    ResolutionInput,
    ResolutionSerializer,
    ReviewInput,
    RevisedSerializer,
    RollForwardSerializer,
    RuleSetSerializer,
    RulesInput,
    RunSerializer,
    SplitInput,
    StartInput,
    StatementSerializer,
    StatusSerializer,
    WriteOffInput,
    WriteOffSerializer,
)
from apps.reconciliation.services import (
    accept_break,
    assign_break,
    certify_run,
    change_rules,
    correct_cause,
    explain_break,
    force_match,
    permit_rematch,
    preview_rules,
    propose_resolution,
    reopen_break,
    retire_resolution,
    split_break,
    start_run,
    unmatch_group,
    write_off_break,
)
from apps.reconciliation.services.standing import require_outcome
from apps.reconciliation.states import UNDER_WAY, RunStatus

_AT = OpenApiParameter("at", datetime, description="As things stood at this moment.")


class StartView(IdempotentMixin, views.APIView):
    """POST /api/reconciliation/start"""

    @extend_schema(request=StartInput, responses={200: RunSerializer, 202: RunSerializer})
    def post(self, request: Request) -> Response:
        """Queue a run (202); the same items and rules again answer the run that stands (200)."""
        facts = body_of(request, StartInput)
        actor: Any = request.user
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
        actor: Any = request.user
        authorize(actor, VIEW_RUNS)
        wanted = request.query_params.get("run", "")
        if not (wanted.isascii() and wanted.isdigit() and len(wanted) < 19):
            raise Invalid("Send the id of a run.", field="run")
        run = runs_for(actor).filter(pk=int(wanted)).first()
        if run is None:
            raise NotVisible
        return Response(StatusSerializer(run).data)


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

    @extend_schema(request=RulesInput, responses={201: RuleSetSerializer})
    @rules.mapping.post
    def propose(self, request: Request, pk: str) -> Response:
        """Propose other rules; its `status` says whether they wait for an approval."""
        match_type = self.get_object()
        facts = body_of(request, RulesInput)
        actor: Any = request.user
        version = change_rules(match_type_id=match_type.pk, rules=facts["rules"], actor=actor)
        return Response(RuleSetSerializer(version).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=PreviewInput, responses=PreviewSerializer)
    @action(detail=True, methods=["post"])
    def preview(self, request: Request, pk: str) -> Response:
        """Try rules on what a run of this match type compared; nothing is stored."""
        match_type = self.get_object()
        facts = body_of(request, PreviewInput)
        actor: Any = request.user
        if not match_type.runs.filter(pk=facts["run"]).exists():
            raise NotVisible(field="run")
        tried = preview_rules(run_id=facts["run"], rules=facts["rules"], actor=actor)
        return Response(PreviewSerializer(tried).data)

    @extend_schema(request=ResolutionInput, responses={201: ResolutionSerializer})
    @action(detail=True, methods=["post"], url_path="resolution-rules")
    def propose_resolution(self, request: Request, pk: str) -> Response:
        """Propose that small breaks of a cause are booked against an account from now on."""
        match_type = self.get_object()
        actor: Any = request.user
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
        actor: Any = request.user
        return Response(ResolutionSerializer(retire_resolution(rule_id=rule.pk, actor=actor)).data)


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
        actor: Any = request.user
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
        actor: Any = request.user
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
        actor: Any = request.user
        facts = body_of(request, ReasonInput)
        done = unmatch_group(run_id=group.run_id, number=group.number, actor=actor, **facts)
        return Response(RevisedSerializer(done).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=ReasonInput, responses={201: PermitSerializer})
    @action(detail=True, methods=["post"], url_path="permit-rematch")
    def permit_rematch(self, request: Request, pk: str) -> Response:
        """Let rules make a match again that was taken back."""
        actor: Any = request.user
        groups: Any = MatchGroup.ever.visible_to(actor)
        group = groups.filter(pk=int(pk)).first() if pk.isdigit() and len(pk) < 19 else None
        if group is None:
            raise NotVisible
        facts = body_of(request, ReasonInput)
        permit = permit_rematch(run_id=group.run_id, number=group.number, actor=actor, **facts)
        return Response(PermitSerializer(permit).data, status=status.HTTP_201_CREATED)


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
        actor: Any = request.user
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


def _instant(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise Invalid("Send a moment with its offset: 2026-01-31T18:00:00Z.", field="at")
    return at
