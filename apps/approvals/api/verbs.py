"""What the verbs on a request take, and what they leave on it."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from apps.approvals.api.scope import PersonField
from apps.approvals.models import Consultation, Decision, Reassignment
from apps.common.api import AmountField, StrictSerializer


class DecisionSerializer(serializers.ModelSerializer[Decision]):
    approver = serializers.CharField(source="approver.username")
    on_behalf_of = serializers.SerializerMethodField(
        help_text="In whose place the approver decided; null: in his own."
    )
    waiver = serializers.PrimaryKeyRelatedField[Any](
        read_only=True,
        help_text="By what the approver decided though he had a hand in it; null: he had none.",
    )
    limit_amount = AmountField(
        currency_source="request.currency",
        help_text="How much he could approve, in the request's currency; empty: not limited.",
    )

    class Meta:
        model = Decision
        fields: ClassVar = (
            "approver",
            "verdict",
            "stage",
            "role_at_time",
            "on_behalf_of",
            "waiver",
            "limit_amount",
            "comment",
            "attestation_text",
            "subject_hash",
            "evidence_hash",
            "decided_at",
        )

    def get_on_behalf_of(self, decision: Decision) -> str | None:
        return None if decision.on_behalf_of is None else decision.on_behalf_of.username


class DeadlockSerializer(serializers.Serializer[Any]):
    lack = serializers.CharField(help_text="Which steps, what they need, and who is there.")
    barred = serializers.ListField(
        child=serializers.CharField(), help_text="Who holds the role and does not count, and why."
    )
    remedies = serializers.ListField(
        child=serializers.CharField(), help_text="What would solve it, each for itself."
    )


class ReassignmentSerializer(serializers.ModelSerializer[Reassignment]):
    from_person = PersonField()
    to_person = PersonField()
    reassigned_by = PersonField()

    class Meta:
        model = Reassignment
        fields: ClassVar = (
            "stage",
            "from_person",
            "to_person",
            "reason",
            "reassigned_by",
            "reassigned_at",
        )


class ConsultationSerializer(serializers.ModelSerializer[Consultation]):
    person = PersonField()
    asked_by = PersonField()
    answer = serializers.CharField(
        source="opinion.text", allow_null=True, help_text="null: not answered."
    )
    answered_at = serializers.DateTimeField(source="opinion.given_at", allow_null=True)

    class Meta:
        model = Consultation
        fields: ClassVar = (
            "id",
            "stage",
            "person",
            "question",
            "asked_by",
            "asked_at",
            "answer",
            "answered_at",
        )


class ChosenSerializer(StrictSerializer):
    request = serializers.IntegerField(min_value=1)
    expected_version = serializers.IntegerField(
        min_value=1, help_text="The `version` that the caller looked at."
    )


class ApproveManySerializer(StrictSerializer):
    requests = ChosenSerializer(
        many=True,
        allow_empty=False,
        max_length=100,  # type: ignore[call-arg]
    )


class OutcomeSerializer(serializers.Serializer[Any]):
    request = serializers.IntegerField(source="request_id")
    is_approved = serializers.BooleanField()
    why_not = serializers.CharField(help_text="Why it was left out; empty if it is approved.")


class VersionSerializer(StrictSerializer):
    expected_version = serializers.IntegerField(
        min_value=1, help_text="The `version` that the caller looked at."
    )


class TakeBackSerializer(StrictSerializer):
    reason = serializers.CharField(max_length=2000)
    expected_version = serializers.IntegerField(
        min_value=1, help_text="The `version` that the caller looked at."
    )


class ReassignSerializer(StrictSerializer):
    from_person = PersonField(help_text="Whose seat it is.")
    to_person = PersonField(help_text="Who takes it.")
    reason = serializers.CharField(max_length=2000)
    expected_version = serializers.IntegerField(
        min_value=1, help_text="The `version` that the caller looked at."
    )


class ConsultSerializer(StrictSerializer):
    person = PersonField(help_text="Who is asked; he has no seat at the steps that are left.")
    question = serializers.CharField(max_length=2000)
    expected_version = serializers.IntegerField(
        min_value=1, help_text="The `version` that the caller looked at."
    )


class AnswerSerializer(StrictSerializer):
    consultation = serializers.IntegerField(min_value=1, help_text="Which question.")
    text = serializers.CharField(max_length=2000)
    expected_version = serializers.IntegerField(
        min_value=1, help_text="The `version` that the caller looked at."
    )
