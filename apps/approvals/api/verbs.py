"""What the verbs on a request take, and what they leave on it."""

from __future__ import annotations

from typing import ClassVar

from rest_framework import serializers

from apps.approvals.api.scope import PersonField
from apps.approvals.models import Consultation, Reassignment
from apps.common.api import StrictSerializer


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
