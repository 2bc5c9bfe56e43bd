"""How statements, roll-forwards and certifications look over REST."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from apps.common.api import AmountField, StrictSerializer
from apps.common.money import plain
from apps.reconciliation.models import Certification
from apps.reconciliation.states import CertificationPart


class OpenItemSerializer(serializers.Serializer[Any]):
    """`amount` counts in the left side's sense; `break_id` is the break that it is in."""

    record_id = serializers.IntegerField()
    side = serializers.CharField()
    reference = serializers.CharField()
    external_id = serializers.CharField()
    booked_on = serializers.DateField()
    currency = serializers.CharField()
    amount = AmountField()
    cause = serializers.CharField()
    break_id = serializers.IntegerField()
    age_days = serializers.IntegerField()


class StatementSerializer(serializers.Serializer[Any]):
    """From the books' balance to the other side's; null where a balance is unknown."""

    currency = serializers.CharField()
    books = AmountField(allow_null=True)
    not_in_books = OpenItemSerializer(many=True)
    not_at_bank = OpenItemSerializer(many=True)
    added = AmountField()
    taken_off = AmountField()
    differences = AmountField()
    booked_away = AmountField()
    computed = AmountField(allow_null=True)
    stated = AmountField(allow_null=True)
    unidentified = AmountField(allow_null=True)
    ties = serializers.BooleanField(allow_null=True)

    def to_representation(self, instance: Any) -> dict[str, Any]:
        shown: dict[str, Any] = super().to_representation(instance)
        known = ("books", "computed", "stated", "unidentified")
        return {**shown, **{name: shown[name] or None for name in known}}


class RollForwardSerializer(serializers.Serializer[Any]):
    """Open items over the run's days: opening + new - cleared = closing."""

    currency = serializers.CharField()
    opening = OpenItemSerializer(many=True)
    new = OpenItemSerializer(many=True)
    cleared = OpenItemSerializer(many=True)
    closing = OpenItemSerializer(many=True)
    totals = serializers.SerializerMethodField()
    ties = serializers.BooleanField()

    def get_totals(self, line: Any) -> dict[str, str]:
        """What the items add to left less right."""
        names = ("opening", "new", "cleared", "closing")
        return {
            name: plain(total, line.currency)
            for name, total in zip(names, line.totals, strict=True)
        }


class CertifyInput(StrictSerializer):
    part = serializers.ChoiceField(choices=CertificationPart.choices)
    outcome_digest = serializers.CharField(max_length=64)
    comment = serializers.CharField(max_length=2000, required=False, default="", allow_blank=True)


class CertificationSerializer(serializers.ModelSerializer[Certification]):
    certified_by = serializers.CharField(source="certified_by.username")

    class Meta:
        model = Certification
        fields: ClassVar = (
            "id",
            "run",
            "part",
            "outcome_digest",
            "comment",
            "certified_by",
            "certified_at",
        )


class CertifiedSerializer(serializers.Serializer[Any]):
    """Where the certification stands."""

    status = serializers.CharField()
    prepared = CertificationSerializer(allow_null=True)
    reviewed = CertificationSerializer(allow_null=True)
    open_breaks = serializers.IntegerField()
