"""/api/approvals/attachments: evidence on requests."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.http import FileResponse
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.request import Request as RestRequest
from rest_framework.response import Response

from apps.approvals.errors import AttachmentTooLarge
from apps.approvals.models import Attachment
from apps.approvals.permissions import VIEW_REQUESTS
from apps.approvals.serializers import AttachInput, AttachmentSerializer, as_content
from apps.approvals.services import attach, hand_out_attachment
from apps.common.api import ScopedReadView, announced_bytes
from apps.common.filters import id_filter
from apps.operations.idempotency import IdempotentMixin

_AROUND_FILES = 64 * 1024  # bytes: the other fields and the frame of a multipart body


def require_bounded(request: RestRequest, *, files: int) -> None:
    """Refuse a body before it is read that cannot be so many files of evidence."""
    if announced_bytes(request) > files * settings.ATTACHMENT_MOST_BYTES + _AROUND_FILES:
        raise AttachmentTooLarge(
            f"Evidence has at most {settings.ATTACHMENT_MOST_BYTES:,} bytes a file.", field="file"
        )


class WhateverItIs(DefaultContentNegotiation):
    """The content has the type that it has, whatever is asked for; refusals are JSON."""

    def select_renderer(self, request: Any, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type


class AttachmentFilter(filters.FilterSet):
    request = id_filter("request_id", label="Id of the request")
    entity = filters.CharFilter(field_name="request__entity__code")

    class Meta:
        model = Attachment
        fields: ClassVar = ("request", "kind", "sha256", "entity")


class AttachmentView(IdempotentMixin, ScopedReadView):
    """Evidence that people attached to requests; its content is read one by one, on record."""

    queryset = Attachment.objects.select_related("request", "attached_by")
    serializer_class = AttachmentSerializer
    filterset_class = AttachmentFilter
    view_permission = VIEW_REQUESTS

    def initial(self, request: RestRequest, *args: Any, **kwargs: Any) -> None:
        """Refuse what is too large before it is read."""
        require_bounded(request, files=1)
        super().initial(request, *args, **kwargs)

    @extend_schema(
        request={"multipart/form-data": AttachInput, "application/json": AttachInput},
        responses={201: AttachmentSerializer},
    )
    def create(self, request: RestRequest) -> Response:
        """Add evidence to an open request: a file, or a text.

        The request's `version` goes up; where somebody has approved it already, it is superseded,
        and the attachment is one of the request in its place. Whoever adds evidence took part and
        cannot decide; an approver sends his with the decision instead.

        422 ATTACHMENT_TYPE_REFUSED and the like if the content is not taken; 409 ILLEGAL_MOVE if
        the request is decided, STALE_VERSION if it changed since `expected_version`,
        ATTACHMENT_EXISTS if exactly this is there.
        """
        actor: Any = request.user
        asked = AttachInput(data=request.data)
        asked.is_valid(raise_exception=True)
        attachment = attach(
            request_id=asked.validated_data["request"],
            evidence=asked.evidence(),
            expected_version=asked.validated_data["expected_version"],
            actor=actor,
        )
        return Response(AttachmentSerializer(attachment).data, status=status.HTTP_201_CREATED)

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    @action(detail=True, methods=["get"], content_negotiation_class=WhateverItIs)
    def content(self, request: RestRequest, pk: str) -> FileResponse:
        """The content as it was attached, under its own media type; reading it is on record."""
        actor: Any = request.user
        return as_content(*hand_out_attachment(attachment_id=self.get_object().pk, actor=actor))
