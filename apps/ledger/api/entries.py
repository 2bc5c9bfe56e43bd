"""/api/ledger/entries."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import Exists, OuterRef, Q
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.api import AmountField, ScopedReadView, StrictSerializer, body_of
from apps.identity.context import actor_of
from apps.ledger import services
from apps.ledger.api.scope import named_entity
from apps.ledger.models import JournalEntry, JournalLine
from apps.ledger.permissions import VIEW_LEDGER
from apps.ledger.selectors import entries_for, entry_seen_by, lines_of, totals_of
from apps.ledger.services import LineDraft
from apps.ledger.states import KINDS_WRITTEN, EntryKind
from apps.operations.idempotency import IdempotentMixin

_MOST_LINES = 5_000


class LineSerializer(serializers.ModelSerializer[JournalLine]):
    account = serializers.CharField(source="account.code")
    account_name = serializers.CharField(source="account.name")
    debit = AmountField()
    credit = AmountField()

    class Meta:
        model = JournalLine
        fields: ClassVar = (
            "line_number",
            "account",
            "account_name",
            "debit",
            "credit",
            "currency",
            "reference",
            "counterparty",
            "narrative",
        )


class TotalSerializer(serializers.Serializer[Any]):
    currency = serializers.CharField()
    debit = AmountField()
    credit = AmountField()


class EntrySerializer(serializers.ModelSerializer[JournalEntry]):
    entity = serializers.CharField(source="entity.code")
    period = serializers.CharField(source="period.name")
    prepared_by = serializers.CharField(source="prepared_by.username")
    posted_by = serializers.CharField(source="posted_by.username", default=None)
    is_reversed = serializers.BooleanField()

    class Meta:
        model = JournalEntry
        fields: ClassVar[Any] = (
            "id",
            "entity",
            "period",
            "number",
            "posted_on",
            "status",
            "kind",
            "description",
            "source",
            "external_id",
            "origin",
            "preparer_name",
            "reverses",
            "is_reversed",
            "prepared_by",
            "prepared_at",
            "posted_by",
            "posted_at",
            "content_hash",
            "version",
        )


class EntryDetailSerializer(EntrySerializer):
    lines = LineSerializer(many=True, source="lines_in_order")
    totals = TotalSerializer(many=True)

    class Meta(EntrySerializer.Meta):
        fields: ClassVar[Any] = (*EntrySerializer.Meta.fields, "lines", "totals")


class LineInput(StrictSerializer):
    account = serializers.CharField(max_length=20)
    debit = AmountField(required=False)
    credit = AmountField(required=False)
    currency = serializers.CharField(max_length=3, required=False)
    reference = serializers.CharField(max_length=140, required=False, allow_blank=True)
    counterparty = serializers.CharField(max_length=200, required=False, allow_blank=True)
    narrative = serializers.CharField(max_length=1000, required=False, allow_blank=True)


class ContentInput(StrictSerializer):
    posted_on = serializers.DateField()
    description = serializers.CharField(max_length=500)
    lines = LineInput(many=True, allow_empty=False, max_length=_MOST_LINES)  # type: ignore[call-arg]


class EntryInput(ContentInput):
    entity = serializers.CharField(max_length=20)
    kind = serializers.ChoiceField(
        [choice for choice in EntryKind.choices if choice[0] in KINDS_WRITTEN],
        default=EntryKind.MANUAL,
    )
    source = serializers.CharField(  # type: ignore[assignment]
        max_length=50, default="", allow_blank=True
    )
    external_id = serializers.CharField(max_length=100, default="", allow_blank=True)


class RevisionInput(ContentInput):
    version = serializers.IntegerField(min_value=1)


class VersionInput(StrictSerializer):
    version = serializers.IntegerField(min_value=1, required=False)


class ReasonInput(StrictSerializer):
    reason = serializers.CharField(max_length=400)


class ReversalInput(ReasonInput):
    posted_on = serializers.DateField()


class EntryFilter(filters.FilterSet):
    entity = filters.CharFilter(field_name="entity__code")
    period = filters.CharFilter(field_name="period__name")
    account = filters.CharFilter(method="touching", label="Code of an account in its lines")
    posted_from = filters.DateFilter(field_name="posted_on", lookup_expr="gte")
    posted_until = filters.DateFilter(field_name="posted_on", lookup_expr="lte")
    q = filters.CharFilter(method="saying", label="Words of description or references")

    class Meta:
        model = JournalEntry
        fields: ClassVar = ("entity", "period", "status", "kind", "source", "external_id")

    def touching(self, queryset: Any, name: str, value: str) -> Any:
        lines = JournalLine.objects.filter(entry_id=OuterRef("pk"), account__code=value)
        return queryset.filter(Exists(lines))

    def saying(self, queryset: Any, name: str, value: str) -> Any:
        lines = JournalLine.objects.filter(entry_id=OuterRef("pk"), reference__icontains=value)
        return queryset.filter(
            Q(description__icontains=value) | Q(external_id=value) | Exists(lines)
        )


class EntryView(IdempotentMixin, ScopedReadView):
    """Journal entries: drafts, submitted and posted ones."""

    queryset = JournalEntry.objects.all()
    serializer_class = EntrySerializer
    filterset_class = EntryFilter
    view_permission = VIEW_LEDGER

    def get_queryset(self) -> Any:
        scoped = super().get_queryset()
        if getattr(self, "swagger_fake_view", False):
            return scoped
        return entries_for(actor_of(self.request))

    @extend_schema(responses=EntryDetailSerializer)
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One entry with its lines."""
        return Response(_detail(self.get_object()))

    @extend_schema(request=EntryInput, responses={201: EntryDetailSerializer})
    def create(self, request: Request) -> Response:
        """Draft an entry."""
        facts = body_of(request, EntryInput)
        entry = services.draft_entry(
            entity_id=named_entity(facts["entity"], actor_of(request)).pk,
            posted_on=facts["posted_on"],
            description=facts["description"],
            kind=facts["kind"],
            lines=[LineDraft(**line) for line in facts["lines"]],
            source=facts["source"],
            external_id=facts["external_id"],
            actor=actor_of(request),
        )
        return self._answer(entry, status.HTTP_201_CREATED)

    @extend_schema(request=RevisionInput, responses=EntryDetailSerializer)
    @action(detail=True, methods=["post"])
    def revise(self, request: Request, pk: str) -> Response:
        """Replace date, description and lines of a draft."""
        entry = self.get_object()
        facts = body_of(request, RevisionInput)
        revised = services.revise_entry(
            entry_id=entry.pk,
            posted_on=facts["posted_on"],
            description=facts["description"],
            lines=[LineDraft(**line) for line in facts["lines"]],
            expected_version=facts["version"],
            actor=actor_of(request),
        )
        return self._answer(revised)

    @extend_schema(request=VersionInput, responses=EntryDetailSerializer)
    @action(detail=True, methods=["post"])
    def submit(self, request: Request, pk: str) -> Response:
        """Declare a draft finished; an approval is asked for where a policy says so."""
        entry = self.get_object()
        facts = body_of(request, VersionInput)
        return self._answer(
            services.submit_entry(
                entry_id=entry.pk, expected_version=facts.get("version"), actor=actor_of(request)
            )
        )

    @extend_schema(request=VersionInput, responses=EntryDetailSerializer)
    @action(detail=True, methods=["post"], url_path="post", url_name="post")
    def post_entry(self, request: Request, pk: str) -> Response:
        """Post an entry: it gets its number and is final."""
        entry = self.get_object()
        facts = body_of(request, VersionInput)
        return self._answer(
            services.post_entry(
                entry_id=entry.pk, expected_version=facts.get("version"), actor=actor_of(request)
            )
        )

    @extend_schema(request=ReasonInput, responses=EntryDetailSerializer)
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, pk: str) -> Response:
        """Take a submitted entry back to a draft."""
        entry = self.get_object()
        reason = body_of(request, ReasonInput)["reason"]
        return self._answer(
            services.withdraw_entry(entry_id=entry.pk, reason=reason, actor=actor_of(request))
        )

    @extend_schema(request=ReasonInput, responses=EntryDetailSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Give up a draft."""
        entry = self.get_object()
        reason = body_of(request, ReasonInput)["reason"]
        return self._answer(
            services.cancel_entry(entry_id=entry.pk, reason=reason, actor=actor_of(request))
        )

    @extend_schema(request=ReversalInput, responses={201: EntryDetailSerializer})
    @action(detail=True, methods=["post"])
    def reverse(self, request: Request, pk: str) -> Response:
        """Undo a posted entry by a new one; answers the reversal."""
        entry = self.get_object()
        facts = body_of(request, ReversalInput)
        reversal = services.reverse_entry(
            entry_id=entry.pk,
            posted_on=facts["posted_on"],
            reason=facts["reason"],
            actor=actor_of(request),
        )
        return self._answer(reversal, status.HTTP_201_CREATED)

    def _answer(self, entry: JournalEntry, code: int = status.HTTP_200_OK) -> Response:
        return Response(_detail(entry_seen_by(actor_of(self.request), entry.pk)), status=code)


def _detail(entry: Any) -> dict[str, Any]:
    entry.lines_in_order = lines_of(entry)
    entry.totals = totals_of(entry.lines_in_order)
    body: dict[str, Any] = EntryDetailSerializer(entry).data
    return body
