"""Forms: a decision, a withdrawal, the filters of a list; policies, limits, rates in the admin."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from apps.approvals.models import ExchangeRate, Limit, Policy, Request
from apps.approvals.permissions import DECIDE_REQUEST, MANAGE_LIMITS, MANAGE_POLICIES
from apps.approvals.services import define_limit, define_policy, enter_rate
from apps.approvals.states import RequestStatus, Verdict
from apps.common.admin import ServiceForm
from apps.identity.holders import roles_holding
from apps.identity.models import Entity

_LONGEST = 2000
STILL_OPEN = "open"


class DecisionForm(forms.Form):
    """The words that go with a verdict; the verdict itself is the button."""

    comment = forms.CharField(
        label="Comment",
        required=False,
        max_length=_LONGEST,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    attested = forms.BooleanField(required=False)

    def __init__(self, *args: Any, verdict: Verdict, policy: Policy, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.auto_id = f"{verdict}_%s"
        if verdict == Verdict.APPROVE:
            self.fields["comment"].required = policy.needs_comment
        else:
            self.fields["comment"].required = True
            self.fields["comment"].label = "Reason"
        if verdict == Verdict.APPROVE and policy.attestation_text:
            self.fields["attested"].required = True
            self.fields["attested"].label = policy.attestation_text
            self.fields["attested"].error_messages["required"] = "Confirm this to approve."
        else:
            del self.fields["attested"]


class WithdrawForm(forms.Form):
    """Why one's own request is taken back."""

    reason = forms.CharField(max_length=_LONGEST, widget=forms.Textarea(attrs={"rows": 3}))


class RequestFilterForm(forms.Form):
    """What narrows a list of requests."""

    q = forms.CharField(label="Search", required=False, max_length=100, widget=forms.SearchInput)
    item_type = forms.ChoiceField(label="Kind", required=False)
    status = forms.ChoiceField(
        required=False,
        choices=[("", "Any"), (STILL_OPEN, "Still open"), *RequestStatus.choices],
        label="Status",
    )

    def __init__(self, *args: Any, kinds: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.auto_id = "filter_%s"
        kind: Any = self.fields["item_type"]
        kind.choices = [("", "Any"), *kinds]

    def narrow(self, requests: Any) -> Any:
        """The requests that fit; all of them while the input makes no sense."""
        if not self.is_valid():
            return requests
        facts = self.cleaned_data
        if facts["q"]:
            requests = requests.filter(title__icontains=facts["q"])
        if facts["item_type"]:
            requests = requests.filter(item_type=facts["item_type"])
        if facts.get("status") == STILL_OPEN:
            return requests.open()
        return requests.filter(status=facts["status"]) if facts.get("status") else requests


class InboxFilterForm(RequestFilterForm):
    """In an inbox everything has the same status."""

    status = None  # type: ignore[assignment]  # this is how Django drops an inherited field


def kinds_of(requests: Any) -> list[tuple[str, str]]:
    """The kinds that occur among requests, as choices (one query)."""
    found = requests.order_by("item_type").values_list("item_type", flat=True).distinct()
    return [(kind, Request(item_type=kind).kind.capitalize()) for kind in found]


def _role_of_stage(number: int) -> forms.ChoiceField:
    return forms.ChoiceField(
        label=f"Stage {number}: role",
        required=False,
        choices=_deciding_roles,
        widget=UnfoldAdminSelectWidget,
    )


def _people_of_stage(number: int) -> forms.CharField:
    return forms.CharField(
        label=f"Stage {number}: or named people",
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


def _deciding_roles() -> list[tuple[str, str]]:
    return [
        ("", "-"),
        *((role, role.capitalize()) for role in sorted(roles_holding(DECIDE_REQUEST))),
    ]


class PolicyForm(ServiceForm):
    """A policy with up to three stages, the empty ones left out."""

    stage_1_role = _role_of_stage(1)
    stage_1_people = _people_of_stage(1)
    stage_1_count = _count_of_stage(1)
    stage_2_role = _role_of_stage(2)
    stage_2_people = _people_of_stage(2)
    stage_2_count = _count_of_stage(2)
    stage_3_role = _role_of_stage(3)
    stage_3_people = _people_of_stage(3)
    stage_3_count = _count_of_stage(3)

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
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        entities: Any = self.fields["entity"]
        entities.queryset = Entity.objects.filter(pk__in=self.actor.entity_ids(MANAGE_POLICIES))

    def carry_out(self, facts: dict[str, Any]) -> Policy:
        plain = {name: facts[name] for name in PolicyForm.Meta.fields if name != "entity"}
        return define_policy(
            entity_id=facts["entity"].pk, **plain, stages=_stages(facts), actor=self.actor
        )


def _stages(facts: dict[str, Any]) -> list[dict[str, Any]]:
    """The stages that are filled in, in order."""
    return [
        _stage(*parts)
        for parts in (
            [facts[f"stage_{number}_{part}"] for part in ("role", "people", "count")]
            for number in (1, 2, 3)
        )
        if parts[0] or parts[1]
    ]


def _stage(role: str, people: str, count: str) -> dict[str, Any]:
    """One stage; with both a role and people the service refuses it."""
    named = [name.strip() for name in people.split(",") if name.strip()]
    return {
        **({"role": role} if role else {}),
        **({"people": named} if people else {}),
        "count": int(count) if count.isdecimal() else count or 1,
    }


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
