"""REST of rejected lines: look at them, correct them, and see what was corrected."""

from __future__ import annotations

from typing import Any, ClassVar

from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.api import ScopedReadView, StrictSerializer, body_of
from apps.common.filters import id_filter
from apps.identity.context import actor_of
from apps.ingestion.errors import CorrectionInvalid
from apps.ingestion.models import LineCorrection, RejectedLine
from apps.ingestion.permissions import VIEW_SOURCES
from apps.ingestion.selectors import changes_shown
from apps.ingestion.services import correct_lines, texts_together
from apps.operations.idempotency import IdempotentMixin


class RejectedLineSerializer(serializers.ModelSerializer[RejectedLine]):
    source = serializers.CharField(source="batch.source.code")  # type: ignore[assignment]
    correction = serializers.SerializerMethodField(help_text="Null while nobody corrected it.")

    class Meta:
        model = RejectedLine
        fields: ClassVar = ("id", "batch", "source", "line", "field", "reason", "correction")

    def get_correction(self, line: RejectedLine) -> int | None:
        correction = getattr(line, "correction", None)
        return correction.pk if correction else None


class LineCorrectionSerializer(serializers.ModelSerializer[LineCorrection]):
    source = serializers.CharField(source="batch.source.code")  # type: ignore[assignment]
    line = serializers.IntegerField(source="rejected_line.line")
    added_count = serializers.IntegerField(
        source="batch.added_count", help_text="0: the corrected line was known already."
    )
    corrected_by = serializers.CharField(source="corrected_by.username")

    class Meta:
        model = LineCorrection
        fields: ClassVar[Any] = (
            "id",
            "source",
            "rejected_line",
            "line",
            "batch",
            "added_count",
            "reason",
            "corrected_by",
            "corrected_at",
        )


class TextChangeSerializer(serializers.Serializer[Any]):
    column = serializers.CharField()
    before = serializers.CharField()
    after = serializers.CharField()


class SeenLineCorrectionSerializer(LineCorrectionSerializer):
    """With what was changed, as the actor may see it; an answer to a POST is kept without it."""

    changes = serializers.SerializerMethodField()

    class Meta(LineCorrectionSerializer.Meta):
        fields: ClassVar[Any] = (*LineCorrectionSerializer.Meta.fields, "changes")

    @extend_schema_field(TextChangeSerializer(many=True))
    def get_changes(self, correction: LineCorrection) -> list[dict[str, str]]:
        return changes_shown(correction, self.context["request"].user)


def _texts_field() -> serializers.DictField:
    return serializers.DictField(
        child=serializers.CharField(allow_blank=True, trim_whitespace=False, max_length=32_767),
        help_text="Column: text. Columns left out keep what the file says.",
    )


class OtherLineInput(StrictSerializer):
    line = serializers.IntegerField(
        min_value=1, max_value=10**18, help_text="Id of the rejected line."
    )
    texts = _texts_field()


class LineCorrectInput(StrictSerializer):
    texts = _texts_field()
    reason = serializers.CharField(max_length=2000)
    others = serializers.ListField(
        child=OtherLineInput(),
        required=False,
        help_text="Lines of the same statement or entry that are corrected with it.",
    )


class OtherTextsSerializer(serializers.Serializer[Any]):
    line = serializers.IntegerField(help_text="Id of the rejected line.")
    texts = serializers.DictField(child=serializers.CharField())


class TextsSerializer(serializers.Serializer[Any]):
    """`others` are the lines that have to be corrected together with this one."""

    texts = serializers.DictField(child=serializers.CharField())
    others = OtherTextsSerializer(many=True)


class RejectedLineFilter(filters.FilterSet):
    source = filters.CharFilter(field_name="batch__source__code")
    batch = id_filter("batch_id")
    is_corrected = filters.BooleanFilter(
        field_name="correction", lookup_expr="isnull", exclude=True, label="Is corrected"
    )

    class Meta:
        model = RejectedLine
        fields: ClassVar = ("source", "batch", "field")


class LineCorrectionFilter(filters.FilterSet):
    source = filters.CharFilter(field_name="batch__source__code")
    batch = id_filter("batch_id")
    rejected_line = id_filter("rejected_line_id")
    corrected_since = filters.IsoDateTimeFilter(field_name="corrected_at", lookup_expr="gte")

    class Meta:
        model = LineCorrection
        fields: ClassVar = ("source", "batch", "rejected_line")


class RejectedLineView(IdempotentMixin, ScopedReadView):
    """Lines that were not accepted, and why."""

    queryset = RejectedLine.objects.select_related("batch__source", "correction")
    serializer_class = RejectedLineSerializer
    filterset_class = RejectedLineFilter
    view_permission = VIEW_SOURCES

    @extend_schema(responses=TextsSerializer)
    @action(detail=True)
    def texts(self, request: Request, pk: str) -> Response:
        """The texts of the line by column, as they stand in the kept original."""
        line = self.get_object()
        found = texts_together(line_id=line.pk, actor=actor_of(request))
        others = [
            {"line": other.pk, "texts": texts} for other, texts in found.items() if other != line
        ]
        return Response({"texts": found[line], "others": others})

    @extend_schema(request=LineCorrectInput, responses={201: LineCorrectionSerializer})
    @action(detail=True, methods=["post"])
    def correct(self, request: Request, pk: str) -> Response:
        """Bring the line in with corrected texts; a line is corrected once.

        Lines of one bank statement, or of one accounting entry, are corrected together (`others`),
        and only so that the statement ties or the entry balances.
        """
        facts = body_of(request, LineCorrectInput)
        line = self.get_object()
        others = facts.get("others", [])
        texts = {other["line"]: other["texts"] for other in others} | {line.pk: facts["texts"]}
        if len(texts) <= len(others):
            raise CorrectionInvalid("A line is there twice.", field="others")
        made = correct_lines(texts=texts, reason=facts["reason"], actor=actor_of(request))
        correction = next(one for one in made if one.rejected_line_id == line.pk)
        return Response(LineCorrectionSerializer(correction).data, status=201)


class LineCorrectionView(ScopedReadView):
    """What people put in place of the texts of rejected lines, who, and why."""

    queryset = LineCorrection.objects.select_related(
        "rejected_line", "batch__source", "corrected_by"
    )
    serializer_class = SeenLineCorrectionSerializer
    filterset_class = LineCorrectionFilter
    view_permission = VIEW_SOURCES
