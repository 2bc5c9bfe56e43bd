"""Forms of the admin: policies, limits, rates."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from apps.approvals.models import ExchangeRate, Limit, Policy
from apps.approvals.permissions import DECIDE_REQUEST, MANAGE_LIMITS, MANAGE_POLICIES
from apps.approvals.services import define_limit, define_policy, enter_rate
from apps.approvals.states import ASKABLE_KINDS
from apps.common.admin import ServiceForm
from apps.identity.holders import roles_holding
from apps.identity.models import Entity


def _role_of(what: str) -> forms.ChoiceField:
    return forms.ChoiceField(
        label=f"{what}: role",
        required=False,
        choices=_deciding_roles,
        widget=UnfoldAdminSelectWidget,
    )


def _people_of(what: str) -> forms.CharField:
    return forms.CharField(
        label=f"{what}: or named people",
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="User names, with commas between them.",
    )


def _count_of_stage(number: int) -> forms.RegexField:
    return forms.RegexField(
        r"^(all|[1-9][0-9]?)$",
        label=f"Stage {number}: how many different people",
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text='Empty: one; "all": everybody.',
        error_messages={"invalid": 'A number from 1 to 99, or "all".'},
    )


def _review_of_stage(number: int) -> forms.BooleanField:
    return forms.BooleanField(
        label=f"Stage {number}: whatever the amount",
        required=False,
        widget=UnfoldBooleanWidget,
        help_text="A review: nobody needs a limit for it. Not at every stage.",
    )


def _deciding_roles() -> list[tuple[str, str]]:
    return [
        ("", "-"),
        *((role, role.capitalize()) for role in sorted(roles_holding(DECIDE_REQUEST))),
    ]


class PolicyForm(ServiceForm):
    """A policy with up to three stages, the empty ones left out."""

    stage_1_role = _role_of("Stage 1")
    stage_1_people = _people_of("Stage 1")
    stage_1_count = _count_of_stage(1)
    stage_1_review = _review_of_stage(1)
    stage_2_role = _role_of("Stage 2")
    stage_2_people = _people_of("Stage 2")
    stage_2_count = _count_of_stage(2)
    stage_2_review = _review_of_stage(2)
    stage_3_role = _role_of("Stage 3")
    stage_3_people = _people_of("Stage 3")
    stage_3_count = _count_of_stage(3)
    stage_3_review = _review_of_stage(3)
    escalation_1_role = _role_of("Escalation 1")
    escalation_1_people = _people_of("Escalation 1")
    escalation_2_role = _role_of("Escalation 2")
    escalation_2_people = _people_of("Escalation 2")

    class Meta:
        model = Policy
        fields: ClassVar = (
            "entity",
            "item_type",
            "currency",
            "least_amount",
            "below_amount",
            "needs_comment",
            "attestation_text",
            "due_after_hours",
            "expires_after_days",
            "evidence_kinds",
            "resolution_required",
            "bulk_allowed",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["evidence_kinds"] = forms.MultipleChoiceField(
            label="Evidence",
            required=False,
            choices=[(kind.value, kind.label) for kind in ASKABLE_KINDS],
            widget=UnfoldAdminCheckboxSelectMultipleWidget,
            help_text="What has to be attached before anybody approves.",
        )
        entities: Any = self.fields["entity"]
        entities.queryset = Entity.objects.filter(pk__in=self.actor.entity_ids(MANAGE_POLICIES))

    def carry_out(self, facts: dict[str, Any]) -> Policy:
        plain = {name: facts[name] for name in PolicyForm.Meta.fields if name != "entity"}
        return define_policy(
            entity_id=facts["entity"].pk,
            **plain,
            stages=_stages(facts),
            escalation=_escalation(facts),
            actor=self.actor,
        )


def _escalation(facts: dict[str, Any]) -> list[dict[str, Any]]:
    """The authorities that are filled in, in order."""
    filled = [
        (facts[f"escalation_{number}_role"], facts[f"escalation_{number}_people"])
        for number in (1, 2)
    ]
    return [_authority(role, people) for role, people in filled if role or people]


def _stages(facts: dict[str, Any]) -> list[dict[str, Any]]:
    """The stages that are filled in, in order."""
    return [
        _stage(*parts)
        for parts in (
            [facts[f"stage_{number}_{part}"] for part in ("role", "people", "count", "review")]
            for number in (1, 2, 3)
        )
        if parts[0] or parts[1]
    ]


def _stage(role: str, people: str, count: str, is_review: bool) -> dict[str, Any]:
    """One stage."""
    return {
        **_authority(role, people),
        "count": int(count) if count.isdecimal() else count or 1,
        "within_limit": not is_review,
    }


def _authority(role: str, people: str) -> dict[str, Any]:
    """A role or people; with both the service refuses it."""
    named = [name.strip() for name in people.split(",") if name.strip()]
    return {**({"role": role} if role else {}), **({"people": named} if people else {})}


class LimitForm(ServiceForm):
    """The limit of a role or of a person."""

    class Meta:
        model = Limit
        fields: ClassVar = (
            "entity",
            "role",
            "user",
            "item_type",
            "amount",
            "currency",
            "starts_on",
            "ends_on",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"] = forms.ChoiceField(
            required=False,
            choices=_deciding_roles,
            widget=UnfoldAdminSelectWidget,
            help_text="The role whose holders it is for, or else a person.",
        )
        entities: Any = self.fields["entity"]
        entities.queryset = Entity.objects.filter(pk__in=self.actor.entity_ids(MANAGE_LIMITS))

    def carry_out(self, facts: dict[str, Any]) -> Limit:
        plain = {name: facts[name] for name in self.Meta.fields if name not in {"entity", "user"}}
        user = facts["user"]
        return define_limit(
            entity_id=facts["entity"].pk,
            user_id=None if user is None else user.pk,
            **plain,
            actor=self.actor,
        )


class RateForm(ServiceForm):
    """What a currency was worth on a day."""

    class Meta:
        model = ExchangeRate
        fields: ClassVar = ("entity", "currency", "quote", "quoted_on", "rate", "source")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        entities: Any = self.fields["entity"]
        entities.queryset = Entity.objects.filter(pk__in=self.actor.entity_ids(MANAGE_LIMITS))

    def carry_out(self, facts: dict[str, Any]) -> ExchangeRate:
        plain = {name: facts[name] for name in self.Meta.fields if name != "entity"}
        return enter_rate(entity_id=facts["entity"].pk, **plain, actor=self.actor)
