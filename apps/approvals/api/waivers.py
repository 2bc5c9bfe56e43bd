"""/api/approvals/waivers: exceptions to segregation of duties, signed by two people."""

from __future__ import annotations

from typing import ClassVar

from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request as RestRequest
from rest_framework.response import Response

from apps.approvals.api.scope import PersonField, SeenSerializer, entity_id_of
from apps.approvals.models import Waiver
from apps.approvals.permissions import VIEW_REQUESTS
from apps.approvals.services import propose_waiver, revoke_waiver, sign_waiver
from apps.approvals.states import WaivedConflict
from apps.common.api import ScopedReadView, StrictSerializer, body_of
from apps.identity.context import actor_of
from apps.operations.idempotency import IdempotentMixin


class WaiverSerializer(serializers.ModelSerializer[Waiver]):
    entity = serializers.CharField(source="entity.code")
    person = PersonField()
    proposed_by = PersonField()
    signed_by = PersonField(allow_null=True)
    revoked_by = PersonField(allow_null=True)
    state = serializers.CharField(help_text="proposed, signed or revoked.")

    class Meta:
        model = Waiver
        fields: ClassVar = (
            "id",
            "entity",
            "person",
            "conflict",
            "item_type",
            "reason",
            "compensating_control",
            "starts_on",
            "ends_on",
            "state",
            "proposed_by",
            "proposed_at",
            "signed_by",
            "signed_at",
            "revoked_by",
            "revoked_at",
            "version",
        )


class ProposeSerializer(StrictSerializer):
    entity = serializers.CharField(max_length=20)
    person = PersonField(help_text="Who may decide though he had a hand in it.")
    conflict = serializers.ChoiceField(WaivedConflict.choices, default=WaivedConflict.TOOK_PART)
    item_type = serializers.RegexField(r"^[a-z][a-z_]*$", max_length=50)
    reason = serializers.CharField(max_length=2000)
    compensating_control = serializers.CharField(
        max_length=2000, help_text="What keeps the risk small meanwhile."
    )
    starts_on = serializers.DateField(help_text="First day, by the entity's clock.")
    ends_on = serializers.DateField(help_text="Last day.")


class RevokeSerializer(SeenSerializer):
    reason = serializers.CharField(max_length=2000)


class WaiverFilter(filters.FilterSet):
    entity = filters.CharFilter(field_name="entity__code")
    person = filters.CharFilter(field_name="person__username")

    class Meta:
        model = Waiver
        fields: ClassVar = ("entity", "person", "item_type")


class WaiverView(IdempotentMixin, ScopedReadView):
    """Who may decide on what though he had a hand in it, and who answers for that."""

    queryset = Waiver.objects.with_people()
    serializer_class = WaiverSerializer
    filterset_class = WaiverFilter
    view_permission = VIEW_REQUESTS

    @extend_schema(request=ProposeSerializer, responses={201: WaiverSerializer})
    def create(self, request: RestRequest) -> Response:
        """Sign first. It holds once somebody else signs; never for what the person made himself.

        422 WAIVER_INVALID; 403 SIGNER_NOT_INDEPENDENT.
        """
        actor, facts = actor_of(request), body_of(request, ProposeSerializer)
        waiver = propose_waiver(
            entity_id=entity_id_of(actor, facts.pop("entity")),
            person_id=facts.pop("person").pk,
            **facts,
            actor=actor,
        )
        return Response(WaiverSerializer(waiver).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=SeenSerializer, responses=WaiverSerializer)
    @action(detail=True, methods=["post"])
    def sign(self, request: RestRequest, pk: str) -> Response:
        """Sign second. 409 ILLEGAL_MOVE if it is signed, revoked or over; 409 STALE_VERSION."""
        facts, actor = body_of(request, SeenSerializer), actor_of(request)
        waiver = sign_waiver(waiver_id=self.get_object().pk, **facts, actor=actor)
        return Response(WaiverSerializer(waiver).data)

    @extend_schema(request=RevokeSerializer, responses=WaiverSerializer)
    @action(detail=True, methods=["post"])
    def revoke(self, request: RestRequest, pk: str) -> Response:
        """End it; what was decided under it stays decided."""
        facts, actor = body_of(request, RevokeSerializer), actor_of(request)
        waiver = revoke_waiver(waiver_id=self.get_object().pk, **facts, actor=actor)
        return Response(WaiverSerializer(waiver).data)
