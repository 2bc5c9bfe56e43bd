"""/api/compliance/controls and /api/compliance/packages."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import Q
from django.http import FileResponse
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.access import one_visible
from apps.common.api import ScopedReadView, body_of
from apps.common.filters import id_filter
from apps.compliance.models import Control, EvidencePackage
from apps.compliance.permissions import VIEW_EVIDENCE
from apps.compliance.selectors import controls_for, packages_for
from apps.compliance.serializers import (
    ControlInput,
    ControlSerializer,
    PackageDetailSerializer,
    PackageSerializer,
    as_download,
)
from apps.compliance.services import define_control, hand_out_package
from apps.identity.context import actor_of
from apps.identity.models import Entity
from apps.operations.idempotency import IdempotentMixin


class ControlFilter(filters.FilterSet):
    entity = filters.CharFilter(field_name="entity__code")

    class Meta:
        model = Control
        fields: ClassVar = ("entity", "identifier", "owner_role", "nature", "automation", "is_key")


class ControlView(IdempotentMixin, ScopedReadView):
    """Controls over financial reporting."""

    queryset = Control.objects.all()
    serializer_class = ControlSerializer
    filterset_class = ControlFilter
    view_permission = VIEW_EVIDENCE

    def get_queryset(self) -> Any:
        rows = super().get_queryset()
        return rows if _is_for_schema(self) else controls_for(actor_of(self.request))

    @extend_schema(request=ControlInput, responses={201: ControlSerializer})
    def create(self, request: Request) -> Response:
        """Describe a control, and name the close tasks that carry it out."""
        facts = body_of(request, ControlInput)
        entity = _named_entity(facts.pop("entity"), actor_of(request))
        control = define_control(entity_id=entity.pk, actor=actor_of(request), **facts)
        return Response(ControlSerializer(control).data, status=status.HTTP_201_CREATED)


class PackageFilter(filters.FilterSet):
    close_run = id_filter("close_run_id")
    entity = filters.CharFilter(field_name="entity__code")
    period = filters.CharFilter(field_name="close_run__period__name")
    is_superseded = filters.BooleanFilter(method="superseded", label="Counts no longer")

    class Meta:
        model = EvidencePackage
        fields: ClassVar = ("entity", "period", "close_run", "version", "is_superseded")

    def superseded(self, queryset: Any, name: str, value: bool) -> Any:
        standing = Q(superseded_by=None, reopening_since=None)
        return queryset.exclude(standing) if value else queryset.filter(standing)


class PdfRenderer(BaseRenderer):
    """Lets callers ask for `application/pdf`; the view answers with the file itself."""

    media_type = "application/pdf"
    format = "pdf"
    charset = None

    def render(self, data: Any, *args: Any, **kwargs: Any) -> Any:
        return JSONRenderer().render(data)


class PackageView(ScopedReadView):
    """Evidence packages: signed once, never changed, only superseded."""

    queryset = EvidencePackage.objects.all()
    serializer_class = PackageSerializer
    filterset_class = PackageFilter
    view_permission = VIEW_EVIDENCE

    def get_queryset(self) -> Any:
        rows = super().get_queryset()
        return rows if _is_for_schema(self) else packages_for(actor_of(self.request))

    def get_serializer_class(self) -> Any:
        return PackageSerializer if self.action == "list" else PackageDetailSerializer

    @extend_schema(responses={(200, "application/pdf"): OpenApiTypes.BINARY})
    @action(detail=True, methods=["get"], renderer_classes=[PdfRenderer, JSONRenderer])
    def document(self, request: Request, pk: str) -> FileResponse:
        """The signed PDF. Who takes it is on record (`compliance.package.download`)."""
        package, document = hand_out_package(
            package_id=self.get_object().pk, actor=actor_of(request)
        )
        return as_download(package, document)

    def handle_exception(self, exc: Exception) -> Response:
        """Errors are envelopes in JSON, whatever was asked for."""
        answer: Response = super().handle_exception(exc)
        self.request.accepted_renderer = JSONRenderer()
        self.request.accepted_media_type = JSONRenderer.media_type
        return answer


def _is_for_schema(view: Any) -> bool:
    return bool(getattr(view, "swagger_fake_view", False))


def _named_entity(code: str, actor: Any) -> Entity:
    """The entity with this code.

    Raises:
        NotVisible: there is none for this actor.
    """
    return one_visible(Entity.objects.visible_to(actor).filter(code=code))
