"""How changes by hand are asked for and answered over REST."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from apps.common.api import AmountField, StrictSerializer
from apps.reconciliation.models import (
    BreakAssignment,
    Correction,
    RematchPermit,
    ResolutionRule,
    WriteOff,
)
from apps.reconciliation.states import Cause


def _id() -> serializers.IntegerField:
    return serializers.IntegerField(min_value=1, max_value=10**18)


class ReasonInput(StrictSerializer):
    reason = serializers.CharField(max_length=2000, trim_whitespace=False, allow_blank=True)


class CorrectInput(ReasonInput):
    cause = serializers.ChoiceField(choices=Cause.choices)


class SplitInput(ReasonInput):
    parts = serializers.ListField(
        child=serializers.ListField(child=_id(), max_length=1000), max_length=1000
    )


class WriteOffInput(ReasonInput):
    expense_account = serializers.CharField(max_length=50)
    posted_on = serializers.DateField()


class ForceInput(ReasonInput):
    breaks = serializers.ListField(child=_id(), max_length=1000)
    expense_account = serializers.CharField(max_length=50, required=False, default="")
    posted_on = serializers.DateField(required=False, default=None)


class RevisedSerializer(serializers.Serializer[Any]):
    """What a change by hand made; `outcome_digest` is that of the outcome after it."""

    kind = serializers.CharField(source="revision.kind")
    number = serializers.IntegerField(source="revision.number")
    reason = serializers.CharField(source="revision.reason")
    outcome_digest = serializers.CharField(source="revision.outcome_digest")
    breaks = serializers.SerializerMethodField()
    group = serializers.IntegerField(source="group.number", default=None)

    def get_breaks(self, revised: Any) -> list[int]:
        """Ids of the breaks that it made."""
        return [broken.pk for broken in revised.breaks]


class CorrectionSerializer(serializers.ModelSerializer[Correction]):
    corrected_by = serializers.CharField(source="corrected_by.username")

    class Meta:
        model = Correction
        fields: ClassVar = (
            "id",
            "broken",
            "successor",
            "from_cause",
            "to_cause",
            "reason",
            "corrected_by",
            "corrected_at",
        )


class PermitSerializer(serializers.ModelSerializer[RematchPermit]):
    permitted_by = serializers.CharField(source="permitted_by.username")

    class Meta:
        model = RematchPermit
        fields: ClassVar = ("id", "reason", "permitted_by", "permitted_at")


class WriteOffSerializer(serializers.ModelSerializer[WriteOff]):
    amount = AmountField()
    proposed_by = serializers.CharField(source="proposed_by.username")

    class Meta:
        model = WriteOff
        fields: ClassVar = (
            "id",
            "run",
            "broken",
            "group",
            "entry",
            "currency",
            "amount",
            "reason",
            "proposed_by",
            "proposed_at",
        )


class AssignInput(ReasonInput):
    owner = serializers.CharField(max_length=150, help_text="User name.")


class AssignmentSerializer(serializers.ModelSerializer[BreakAssignment]):
    owner = serializers.CharField(source="owner.username")
    assigned_by = serializers.CharField(source="assigned_by.username")

    class Meta:
        model = BreakAssignment
        fields: ClassVar = ("id", "broken", "owner", "reason", "assigned_by", "assigned_at")


class ResolutionInput(StrictSerializer):
    cause = serializers.ChoiceField(choices=Cause.choices)
    currency = serializers.CharField(max_length=3)
    limit = AmountField(help_text="The largest amount of a break, without its sign.")
    expense_account = serializers.CharField(max_length=50)


class ResolutionSerializer(serializers.ModelSerializer[ResolutionRule]):
    limit = AmountField()
    created_by = serializers.CharField(source="created_by.username")

    class Meta:
        model = ResolutionRule
        fields: ClassVar = (
            "id",
            "match_type",
            "number",
            "cause",
            "currency",
            "limit",
            "expense_account",
            "status",
            "created_by",
            "created_at",
        )
