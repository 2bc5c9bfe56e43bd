"""/api/approvals/requests: look, decide, withdraw, revoke, reassign, consult."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, ClassVar

from django.db import models
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request as RestRequest
from rest_framework.response import Response

from apps.approvals.api.evidence import require_bounded
from apps.approvals.api.verbs import (
    AnswerSerializer,
    ApproveManySerializer,
    ConsultationSerializer,
    ConsultSerializer,
    DeadlockSerializer,
    DecisionSerializer,
    OutcomeSerializer,
    ReassignmentSerializer,
    ReassignSerializer,
    TakeBackSerializer,
    VersionSerializer,
)
from apps.approvals.models import Request
from apps.approvals.permissions import VIEW_REQUESTS
from apps.approvals.selectors import (
    approvals_missing,
    deadlock_of,
    kinds_missing,
    refusal_to_decide,
    request_seen_by,
    staff_of,
    waiting_for,
    with_all_parts,
)
from apps.approvals.serializers import AttachmentSerializer, BroughtInput
from apps.approvals.services import (
    answer,
    approve_many,
    carry_evidence,
    consult,
    decide,
    reassign,
    revoke,
    withdraw,
)
from apps.approvals.states import OPEN, Door, EvidenceKind, RequestStatus, Verdict
from apps.common.access import one_visible
from apps.common.api import AmountField, ScopedReadView, body_of
from apps.common.errors import NotVisible
from apps.common.paging import row_id
from apps.identity.context import actor_of
from apps.operations.idempotency import IdempotentMixin


class RequestSerializer(serializers.ModelSerializer[Request]):
    entity = serializers.CharField(source="entity.code")
    maker = serializers.CharField(source="maker.username")
    amount = AmountField()
    split_amount = AmountField(
        help_text="What belongs together with it, by other requests; limits count it too."
    )
    stages = serializers.JSONField(source="policy.stages", help_text="Role and count, in order.")
    attestation_text = serializers.CharField(
        source="policy.attestation_text", help_text="What an approver confirms; may be empty."
    )
    needs_comment = serializers.BooleanField(source="policy.needs_comment")
    evidence_kinds = serializers.JSONField(
        source="policy.evidence_kinds", help_text="What has to be attached before an approval."
    )
    resolution_required = serializers.BooleanField(source="policy.resolution_required")
    decisions = DecisionSerializer(many=True)
    used_at = serializers.DateTimeField(
        source="use.used_at",
        allow_null=True,
        help_text="When somebody acted upon the approval: it is not revoked from then on.",
    )

    class Meta:
        model = Request
        fields: ClassVar[Any] = (
            "id",
            "entity",
            "item_type",
            "subject_type",
            "subject_id",
            "subject_hash",
            "title",
            "url",
            "amount",
            "currency",
            "split_key",
            "split_amount",
            "maker",
            "policy",
            "stages",
            "attestation_text",
            "needs_comment",
            "evidence_kinds",
            "resolution_required",
            "status",
            "stage",
            "version",
            "requested_at",
            "due_at",
            "ended_at",
            "used_at",
            "decisions",
        )


class RequestDetailSerializer(RequestSerializer):
    approvals_missing = serializers.SerializerMethodField(
        help_text="People who still have to approve, all stages together."
    )
    why_not = serializers.SerializerMethodField(
        help_text="Why the caller cannot decide on it now; null if he can."
    )

    deadlock = serializers.SerializerMethodField(
        help_text="Which steps nobody can fill, and what would solve it; null if all can be."
    )

    attachments = AttachmentSerializer(many=True)
    consultations = ConsultationSerializer(
        many=True, help_text="Who was asked for an opinion, and what he said."
    )
    reassignments = ReassignmentSerializer(many=True, help_text="Seats that were moved.")
    evidence_missing = serializers.SerializerMethodField(
        help_text="Kinds of evidence that an approval still needs; `resolution` among them."
    )

    class Meta(RequestSerializer.Meta):
        fields: ClassVar[Any] = (
            *RequestSerializer.Meta.fields,
            "attachments",
            "reassignments",
            "consultations",
            "evidence_missing",
            "approvals_missing",
            "why_not",
            "deadlock",
        )

    @extend_schema_field(DeadlockSerializer(allow_null=True))
    def get_deadlock(self, request: Request) -> dict[str, Any] | None:
        found = deadlock_of(request) if request.is_open else None
        return None if found is None else asdict(found)

    def get_evidence_missing(self, request: Request) -> list[str]:
        return [str(kind) for kind in kinds_missing(request)]

    def get_approvals_missing(self, request: Request) -> int:
        if request.status not in OPEN:
            return 0
        return approvals_missing(request, staff_of(request.entity))

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_why_not(self, request: Request) -> str | None:
        """In the words in which `decide` would refuse."""
        if request.status != RequestStatus.PENDING:
            return f"{request.get_status_display()}."
        refusal = refusal_to_decide(request, self.context["request"].user)
        return None if refusal is None else refusal.words


class RequestFilter(filters.FilterSet):
    entity = filters.CharFilter(field_name="entity__code")
    status = filters.MultipleChoiceFilter(choices=RequestStatus.choices)
    mine = filters.BooleanFilter(
        method="of_maker", label="Whether the caller asked for it (his own work)."
    )
    inbox = filters.BooleanFilter(
        method="in_inbox", label="Whether the caller can decide on it now."
    )

    class Meta:
        model = Request
        fields: ClassVar = ("status", "item_type", "entity", "mine", "inbox")

    def of_maker(self, queryset: Any, name: str, value: bool) -> models.QuerySet[Request]:
        own = models.Q(maker=self.request.user)
        return queryset.filter(own if value else ~own)

    def in_inbox(self, queryset: Any, name: str, value: bool) -> models.QuerySet[Request]:
        waiting = models.Q(pk__in=waiting_for(self.request.user).order_by().values("pk"))
        return queryset.filter(waiting if value else ~waiting)


class DecideSerializer(BroughtInput):
    verdict = serializers.ChoiceField(choices=Verdict.choices)
    comment = serializers.CharField(
        max_length=2000,
        allow_blank=True,
        default="",
        help_text="Asked for when rejecting or returning, and where the policy says so.",
    )
    attested = serializers.BooleanField(
        default=False, help_text="The approver confirms `attestation_text`."
    )
    expected_version = serializers.IntegerField(
        min_value=1, help_text="The `version` that the approver looked at."
    )


class RequestView(IdempotentMixin, ScopedReadView):
    """Requests for approval: who asks for what, under which policy, and what became of it."""

    queryset = Request.objects.all().with_parts()
    serializer_class = RequestSerializer
    filterset_class = RequestFilter
    view_permission = VIEW_REQUESTS

    def get_queryset(self) -> Any:
        rows: Any = super().get_queryset()
        return (
            rows
            if self.action == "list"
            else rows.with_evidence().with_reassignments().with_questions()
        )

    def get_serializer_class(self) -> Any:
        return RequestSerializer if self.action == "list" else RequestDetailSerializer

    def initial(self, request: RestRequest, *args: Any, **kwargs: Any) -> None:
        """Refuse what is too large before it is read."""
        require_bounded(request, files=len(EvidenceKind))
        super().initial(request, *args, **kwargs)

    @extend_schema(
        request={"application/json": DecideSerializer, "multipart/form-data": DecideSerializer},
        responses=RequestDetailSerializer,
    )
    @action(detail=True, methods=["post"])
    def decide(self, request: RestRequest, pk: str) -> Response:
        """Approve, reject or return it, with evidence if there is any: one for each kind.

        409 STALE_VERSION if it changed since `expected_version`; 409 ILLEGAL_MOVE if it is not
        waiting any more; 403 OWN_WORK, ROLE_MISSING or ALREADY_DECIDED_BY_YOU;
        422 EVIDENCE_MISSING or RESOLUTION_MISSING if the policy asks for more to approve.
        """
        asked = DecideSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        decided = decide(
            request_id=self._asked_id(),
            **asked.plain(),
            evidence=asked.brought(),
            door=Door.REST,
            actor=actor_of(request),
        )
        return self._answered(with_all_parts(decided))

    @extend_schema(request=TakeBackSerializer, responses=RequestDetailSerializer)
    @action(detail=True, methods=["post"])
    def withdraw(self, request: RestRequest, pk: str) -> Response:
        """Take back one's own request before it is decided.

        409 STALE_VERSION if it changed since `expected_version`; 409 ILLEGAL_MOVE if it is decided.
        """
        facts = body_of(request, TakeBackSerializer)
        withdrawn = withdraw(request_id=self._asked_id(), **facts, actor=actor_of(request))
        return self._shown(withdrawn.pk)

    @extend_schema(request=TakeBackSerializer, responses=RequestDetailSerializer)
    @action(detail=True, methods=["post"])
    def revoke(self, request: RestRequest, pk: str) -> Response:
        """Take an approval back before it is acted upon: one's own decision, or as a controller.

        409 APPROVAL_USED if it was acted upon; 409 ILLEGAL_MOVE if it is not approved;
        409 STALE_VERSION if it changed since `expected_version`.
        """
        facts = body_of(request, TakeBackSerializer)
        revoked = revoke(request_id=self._asked_id(), **facts, actor=actor_of(request))
        return self._shown(revoked.pk)

    @extend_schema(request=ReassignSerializer, responses=RequestDetailSerializer)
    @action(detail=True, methods=["post"])
    def reassign(self, request: RestRequest, pk: str) -> Response:
        """Give a seat of the step at work to somebody else: one's own, or any as a controller.

        422 SEAT_MISSING if the step asks nothing of `from_person`; 422 NOT_ELIGIBLE if `to_person`
        could not decide; 409 SEATS_SHORT if he is needed at a later step; 403 OWN_WORK.
        """
        facts = body_of(request, ReassignSerializer)
        moved = reassign(
            request_id=self._asked_id(),
            from_person_id=facts["from_person"].pk,
            to_person_id=facts["to_person"].pk,
            reason=facts["reason"],
            expected_version=facts["expected_version"],
            actor=actor_of(request),
        )
        return self._shown(moved.request_id)

    @extend_schema(request=ConsultSerializer, responses=RequestDetailSerializer)
    @action(detail=True, methods=["post"])
    def consult(self, request: RestRequest, pk: str) -> Response:
        """Ask somebody for an opinion before one decides; he sees this request, and took part.

        422 NOT_ASKED if he has a seat himself, or may not look at requests anywhere.
        """
        facts = body_of(request, ConsultSerializer)
        made = consult(
            request_id=self._asked_id(),
            person_id=facts.pop("person").pk,
            **facts,
            actor=actor_of(request),
        )
        return self._shown(made.request_id)

    @extend_schema(request=AnswerSerializer, responses=RequestDetailSerializer)
    @action(detail=True, methods=["post"])
    def answer(self, request: RestRequest, pk: str) -> Response:
        """Answer a question that one was asked about the request, once."""
        facts = body_of(request, AnswerSerializer)
        number = facts.pop("consultation")
        row = self.get_object()
        one_visible(row.consultations.filter(pk=number), field="consultation")
        answer(consultation_id=number, **facts, actor=actor_of(request))
        return self._shown(row.pk)

    @extend_schema(request=VersionSerializer, responses=RequestDetailSerializer)
    @action(detail=True, methods=["post"], url_path="carry-evidence")
    def carry_evidence(self, request: RestRequest, pk: str) -> Response:
        """Add what was added to the request before about the same thing; who brought it took part.

        409 ATTACHMENT_MISSING if there is nothing. Answers with the request that has it now.
        """
        facts = body_of(request, VersionSerializer)
        carried = carry_evidence(request_id=self._asked_id(), **facts, actor=actor_of(request))
        return self._shown(carried[0].request_id)

    @extend_schema(
        request=ApproveManySerializer, responses=OutcomeSerializer(many=True), filters=False
    )
    @action(detail=False, methods=["post"], pagination_class=None)
    def approve(self, request: RestRequest) -> Response:
        """Approve each of these that can be without a second look, where its policy allows that.

        What needs one (evidence that is missing or was not opened, an attestation, a comment, an
        open question, an earlier refusal) is left out, and the answer says why. Each is approved
        for itself; with an `Idempotency-Key` all are kept together with the answer.
        """
        self.require_view()
        chosen = body_of(request, ApproveManySerializer)["requests"]
        versions = {one["request"]: one["expected_version"] for one in chosen}
        outcomes = approve_many(versions=versions, actor=actor_of(request))
        return Response(OutcomeSerializer(outcomes, many=True).data)

    def _asked_id(self) -> int:
        """The id in the path. Whether the caller may see that request, its lock finds out."""
        self.require_view()
        request_id = row_id(self.kwargs["pk"])
        if request_id is None:
            raise NotVisible
        return request_id

    def _shown(self, request_id: int) -> Response:
        """The request as it now is."""
        return self._answered(request_seen_by(actor_of(self.request), request_id))

    def _answered(self, shown: Request) -> Response:
        return Response(RequestDetailSerializer(shown, context=self.get_serializer_context()).data)
