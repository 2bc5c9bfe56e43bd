"""/api/approvals/controls: what a controller and an auditor ask about approvals."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request as RestRequest
from rest_framework.response import Response

from apps.approvals.api.scope import PersonField, entity_id_of
from apps.approvals.models import Request
from apps.approvals.permissions import VIEW_CONTROLS
from apps.approvals.rules import MEANINGS, Quality
from apps.approvals.selectors.could import Answer, who_could, who_could_approve_such
from apps.approvals.selectors.duties import DutiesReport, Pair, Tally, Violation, duties_report
from apps.approvals.selectors.quality import (
    QUICK_SECONDS,
    PersonQuality,
    QualityReport,
    quality_report,
)
from apps.approvals.selectors.requests import request_seen_by
from apps.common.api import AmountField, ScopedView, StrictSerializer
from apps.common.money import plain
from apps.identity.context import actor_of
from apps.identity.models import Entity
from apps.identity.selectors import system_user

_SECOND = timedelta(seconds=1)


class CandidatesQuery(StrictSerializer):
    at = serializers.DateTimeField(help_text="The instant; with its offset, or in UTC.")
    request = serializers.IntegerField(
        min_value=1, required=False, help_text="The request; or what it might have been:"
    )
    entity = serializers.CharField(max_length=20, required=False)
    item_type = serializers.RegexField(r"^[a-z][a-z_]*$", max_length=50, required=False)
    amount = AmountField(required=False)
    currency = serializers.CharField(max_length=3, required=False, default="")
    maker = PersonField(required=False, help_text="Whose work it would have been.")

    def validate(self, attrs: Any) -> Any:
        is_real, is_imagined = "request" in attrs, {"entity", "item_type"} <= attrs.keys()
        if is_real == is_imagined:
            raise serializers.ValidationError(
                {"request": ["Name a request, or an entity and an item type."]}
            )
        return attrs


class CandidateSerializer(serializers.Serializer[Any]):
    person = serializers.CharField(source="person.username")
    could = serializers.BooleanField()
    code = serializers.CharField(help_text="Of the refusal that he would have met; empty if none.")
    why = serializers.CharField(help_text="The same in words.")
    roles = serializers.ListField(
        child=serializers.CharField(), help_text="That he held on the entity then."
    )
    limit = serializers.CharField(help_text="How much he could approve then.")
    presence = serializers.CharField(help_text="Here, away, standing in for somebody.")
    part = serializers.CharField(help_text="What he had done with the subject by then.")


class AnswerSerializer(serializers.Serializer[Answer]):
    entity = serializers.CharField(source="entity.code")
    at = serializers.DateTimeField()
    policy = serializers.IntegerField(
        source="request.policy_id", default=None, help_text="The policy then; null: none asked."
    )
    standing = serializers.CharField(help_text="What it waited for, or why nobody could decide.")
    candidates = CandidateSerializer(many=True)
    gaps = serializers.ListField(
        child=serializers.CharField(), help_text="What is not on record for that instant."
    )
    due_at = serializers.DateTimeField(
        help_text="By when the step was to be decided; null: no clock ran."
    )
    reasons = serializers.ListField(
        child=serializers.CharField(), help_text="What that was counted from."
    )


class DaysQuery(StrictSerializer):
    entity = serializers.CharField(max_length=20)
    starts_on = serializers.DateField(help_text="First day, by the entity's clock.")
    ends_on = serializers.DateField(help_text="Last day.")


class ViolationSerializer(serializers.Serializer[Violation]):
    request = serializers.IntegerField(source="request.pk")
    title = serializers.CharField(source="request.title")
    amount = AmountField(source="request.amount", currency_source="request.currency")
    currency = serializers.CharField(source="request.currency")
    person = serializers.CharField(source="person.username")
    part = serializers.CharField(help_text="What he had done with the subject.")
    verdict = serializers.CharField(source="decision.verdict")
    decided_at = serializers.DateTimeField(source="decision.decided_at")
    is_later = serializers.BooleanField(help_text="He took part only after he had decided.")
    remark = serializers.CharField(help_text="How it stands with it.")


class TallySerializer(serializers.Serializer[Tally]):
    number = serializers.IntegerField()
    amounts = serializers.SerializerMethodField(help_text="Currency to the sum of the amounts.")

    def get_amounts(self, tally: Tally) -> dict[str, str]:
        return {currency: plain(sum_, currency) for currency, sum_ in tally.amounts.items()}


class PairSerializer(serializers.Serializer[Pair]):
    person = serializers.CharField(source="person.username")
    duties = serializers.CharField(source="pairing.name")
    risk = serializers.CharField(source="pairing.risk")
    did = serializers.BooleanField(help_text="He did both, on the same thing or not.")
    first = TallySerializer(help_text="How often he did the first.")
    second = TallySerializer(help_text="How often he did the second.")
    could_by = serializers.ListField(
        source="could.roles",
        child=serializers.CharField(),
        default=None,
        help_text="The roles by which he could do both; null: he could not in these days.",
    )
    could_since = serializers.DateTimeField(source="could.since", default=None)
    could_until = serializers.DateTimeField(source="could.until", default=None)


class DutiesSerializer(serializers.Serializer[DutiesReport]):
    entity = serializers.CharField(source="entity.code")
    starts_on = serializers.DateField()
    ends_on = serializers.DateField()
    violations = ViolationSerializer(many=True, help_text="On the same document.")
    pairs = PairSerializer(many=True, help_text="Two duties in one hand.")


class QualityQuery(DaysQuery):
    quick_seconds = serializers.IntegerField(
        min_value=1,
        max_value=3600,
        default=QUICK_SECONDS,
        help_text="An approval within so many seconds of the opening is waved through.",
    )


class QualitySerializer(serializers.Serializer[Quality]):
    decisions = serializers.IntegerField(help_text=MEANINGS["Decisions"])
    timed = serializers.IntegerField(help_text="Those with an opening on record.")
    middle_seconds = serializers.SerializerMethodField(help_text=MEANINGS["Time on it"])
    there = serializers.IntegerField(help_text="Evidence that was there, by others.")
    unopened = serializers.IntegerField(help_text=MEANINGS["Not opened"])
    timed_approvals = serializers.IntegerField(help_text="Approvals with an opening on record.")
    waved_through = serializers.IntegerField(help_text=MEANINGS["Waved through"])
    unseen = serializers.SerializerMethodField(
        help_text=f"Door to number; an empty name: not on record. {MEANINGS['Not looked at']}"
    )

    def get_unseen(self, quality: Quality) -> dict[str, int]:
        return dict(quality.unseen)

    def get_middle_seconds(self, quality: Quality) -> int | None:
        return None if quality.middle_time is None else quality.middle_time // _SECOND


class PersonQualitySerializer(serializers.Serializer[PersonQuality]):
    person = serializers.CharField(source="person.username")
    quality = QualitySerializer()


class QualityReportSerializer(serializers.Serializer[QualityReport]):
    entity = serializers.CharField(source="entity.code")
    starts_on = serializers.DateField()
    ends_on = serializers.DateField()
    quick_seconds = serializers.IntegerField()
    everybody = QualitySerializer()
    people = PersonQualitySerializer(many=True)


class ControlView(ScopedView):
    """Questions of control: each is answered from the record, and changes nothing."""

    queryset = Request.objects.all()
    view_permission = VIEW_CONTROLS
    pagination_class = None
    filter_backends = ()

    @extend_schema(parameters=[CandidatesQuery], responses=AnswerSerializer)
    @action(detail=False, methods=["get"])
    def candidates(self, request: RestRequest) -> Response:
        """Who could have approved a request at an instant, and why (not).

        By the rule of the decision, with the roles, limits, rates, leaves, delegations and
        conflicts of that instant. 422 INSTANT_IN_FUTURE.
        """
        self.require_view()
        facts = _asked(request, CandidatesQuery)
        actor, at = actor_of(request), facts["at"]
        if "request" in facts:
            answer = who_could(request_seen_by(actor, facts["request"]), at, actor=actor)
        else:
            answer = who_could_approve_such(
                entity=Entity.objects.get(pk=entity_id_of(actor, facts["entity"])),
                item_type=facts["item_type"],
                amount=facts.get("amount"),
                currency=facts["currency"],
                maker=facts.get("maker") or system_user(),
                at=at,
                actor=actor,
            )
        return Response(AnswerSerializer(answer).data)

    @extend_schema(parameters=[DaysQuery], responses=DutiesSerializer)
    @action(detail=False, methods=["get"])
    def duties(self, request: RestRequest) -> Response:
        """Who did both sides of a conflict in these days, and who could. 422 DAYS_INVALID."""
        self.require_view()
        facts = _asked(request, DaysQuery)
        actor = actor_of(request)
        entity = Entity.objects.get(pk=entity_id_of(actor, facts.pop("entity")))
        return Response(DutiesSerializer(duties_report(entity, **facts, actor=actor)).data)

    @extend_schema(parameters=[QualityQuery], responses=QualityReportSerializer)
    @action(detail=False, methods=["get"])
    def quality(self, request: RestRequest) -> Response:
        """How people reviewed in these days: time, evidence not opened, approvals waved through.

        422 DAYS_INVALID.
        """
        self.require_view()
        facts = _asked(request, QualityQuery)
        actor = actor_of(request)
        entity = Entity.objects.get(pk=entity_id_of(actor, facts.pop("entity")))
        report = quality_report(entity, **facts, actor=actor)
        return Response(QualityReportSerializer(report).data)


def _asked(request: RestRequest, shape: type[StrictSerializer]) -> dict[str, Any]:
    """The checked query of a request."""
    query = shape(data=request.query_params.dict())
    query.is_valid(raise_exception=True)
    return dict(query.validated_data)
