"""/api/messages: where and when the caller is told, and what was sent."""

from __future__ import annotations

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.approvals.permissions import VIEW_REQUESTS
from apps.common.access import authorize
from apps.common.api import ScopedView, StrictSerializer, body_of
from apps.identity.context import actor_of
from apps.outbound.models import Message, MessagePreference
from apps.outbound.selectors import preference_of
from apps.outbound.services import choose_messages
from apps.outbound.states import Rhythm


class PreferenceSerializer(serializers.ModelSerializer[MessagePreference]):
    has_slack_url = serializers.SerializerMethodField(help_text="The URL itself is never shown.")

    class Meta:
        model = MessagePreference
        fields: ClassVar = (
            "by_email",
            "by_slack",
            "has_slack_url",
            "rhythm",
            "digest_hour",
            "time_zone",
        )

    def get_has_slack_url(self, preference: MessagePreference) -> bool:
        return bool(preference.slack_url)


class ChooseSerializer(StrictSerializer):
    by_email = serializers.BooleanField()
    by_slack = serializers.BooleanField()
    slack_url = serializers.CharField(
        max_length=500,
        required=False,
        allow_blank=True,
        help_text="Incoming webhook. Left out, the one that is there stays; empty forgets it.",
    )
    rhythm = serializers.ChoiceField(choices=Rhythm.choices, default=Rhythm.AT_ONCE)
    digest_hour = serializers.IntegerField(min_value=0, max_value=23, default=8)
    time_zone = serializers.CharField(max_length=64, default="UTC", help_text="IANA name.")


class MessageSerializer(serializers.ModelSerializer[Message]):
    notices = serializers.SerializerMethodField(help_text="Ids of the notices that it tells of.")

    class Meta:
        model = Message
        fields: ClassVar = (
            "id",
            "channel",
            "digest_on",
            "status",
            "try_count",
            "error",
            "due_at",
            "settled_at",
            "notices",
        )

    def get_notices(self, message: Message) -> list[int]:
        return [line.notice_id for line in message.lines.all()]


class PreferenceView(APIView):
    """Where and when the caller is told what his notices say; nobody chooses for others."""

    @extend_schema(responses=PreferenceSerializer)
    def get(self, request: Request) -> Response:
        """What the caller has chosen; without a choice he is told nothing outside."""
        actor = actor_of(request)
        authorize(actor, VIEW_REQUESTS)
        return Response(PreferenceSerializer(preference_of(actor)).data)

    @extend_schema(request=ChooseSerializer, responses=PreferenceSerializer)
    def put(self, request: Request) -> Response:
        """Choose. 422 PREFERENCE_INVALID names the field at fault."""
        facts = body_of(request, ChooseSerializer)
        chosen = choose_messages(**facts, actor=actor_of(request))
        return Response(PreferenceSerializer(chosen).data)


class MessageView(mixins.ListModelMixin, ScopedView):
    """What was sent to the caller or is to be, newest first; nobody reads those of others."""

    queryset = Message.objects.prefetch_related("lines")
    serializer_class = MessageSerializer
    filterset_fields = ("status", "channel")
    view_permission = VIEW_REQUESTS
