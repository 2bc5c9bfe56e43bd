"""Forms: a decision, evidence, a withdrawal, filters of lists; policies, limits, rates in admin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.template.defaultfilters import filesizeformat
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from apps.approvals.models import ExchangeRate, Limit, Policy, Request
from apps.approvals.permissions import DECIDE_REQUEST, MANAGE_LIMITS, MANAGE_POLICIES
from apps.approvals.rules import LONGEST_TEXT, Evidence
from apps.approvals.selectors import kinds_asked
from apps.approvals.services import bring, define_limit, define_policy, enter_rate
from apps.approvals.states import ASKABLE_KINDS, EvidenceKind, RequestStatus, Verdict
from apps.common.admin import ServiceForm
from apps.identity.holders import roles_holding
from apps.identity.models import Entity

_LONGEST = 2000
_ACCEPTED = ".png,.jpg,.jpeg,.pdf,.xlsx,.csv,.txt"
_ASKED_AS = {EvidenceKind.RESOLUTION: "How what was open was resolved"}
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

    def __init__(
        self,
        *args: Any,
        verdict: Verdict,
        policy: Policy,
        missing: Sequence[EvidenceKind] = (),
        **kwargs: Any,
    ) -> None:
        """`missing` are the kinds of evidence that an approval still needs."""
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
        self._ask_for_evidence(missing if verdict == Verdict.APPROVE else ())

    def _ask_for_evidence(self, needed: Sequence[EvidenceKind]) -> None:
        """A field for each kind that is needed, and a file if one likes."""
        optional = {EvidenceKind.DOCUMENT} - set(needed)
        for kind in needed:
            self.fields[kind.value] = _evidence_field(kind, required=True)
        for kind in optional:
            self.fields[kind.value] = _evidence_field(kind, required=False)
        self.order_fields([*(kind.value for kind in needed), "comment", "document", "attested"])

    def brought(self) -> list[Evidence]:
        """The evidence that came along, after the form was found valid.

        Raises:
            AttachmentTooLarge: a file is larger than evidence may be.
        """
        return [
            bring(kind.value, self.cleaned_data[kind.value], field=kind.value)
            for kind in EvidenceKind
            if self.cleaned_data.get(kind.value)
        ]

    def forget_files(self) -> None:
        """A browser gives no file back: say that it has to be chosen again."""
        for name in self.files:
            if name in self.fields:
                self.fields[name].help_text = "Choose the file again."


class EvidenceForm(forms.Form):
    """A file or a text that is added to a request."""

    kind = forms.ChoiceField(label="Kind of evidence")
    file = forms.FileField(
        label="File",
        required=False,
        allow_empty_file=True,
        widget=forms.FileInput(attrs={"accept": _ACCEPTED}),
    )
    text = forms.CharField(
        label="Or in words",
        required=False,
        max_length=LONGEST_TEXT,
        help_text="One of the two is needed.",
        widget=forms.Textarea(attrs={"rows": 4}),
    )

    def __init__(self, *args: Any, policy: Policy, missing: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.auto_id = "evidence_%s"
        self.fields["file"].help_text = _taken("PNG, JPEG, PDF, XLSX, CSV or plain text")
        kinds = [*kinds_asked(policy), *(one for one in ASKABLE_KINDS)]
        offered = sorted(dict.fromkeys(kinds), key=lambda kind: kind not in missing)
        kind: Any = self.fields["kind"]
        kind.choices = [
            (one.value, f"{one.label} (still missing)" if one in missing else one.label)
            for one in offered
        ]

    def clean(self) -> dict[str, Any]:
        facts: dict[str, Any] = self.cleaned_data
        if not self.errors and bool(facts["file"]) == bool(facts["text"]):
            self.add_error("file", "Choose a file, or write it in words.")
        return facts

    def evidence(self) -> Evidence:
        """What came, after the form was found valid.

        Raises:
            AttachmentTooLarge: the file is larger than evidence may be.
        """
        facts = self.cleaned_data
        name = "file" if facts["file"] else "text"
        return bring(facts["kind"], facts[name], field=name)


def _taken(types: str) -> str:
    return f"{types}, up to {filesizeformat(settings.ATTACHMENT_MOST_BYTES)}."


def _evidence_field(kind: EvidenceKind, *, required: bool) -> forms.Field:
    """Words for what is said, a file for what is shown."""
    if kind in {EvidenceKind.EXPLANATION, EvidenceKind.RESOLUTION}:
        return forms.CharField(
            label=_ASKED_AS.get(kind, kind.label),
            required=required,
            max_length=LONGEST_TEXT,
            widget=forms.Textarea(attrs={"rows": 3}),
        )
    is_picture = kind == EvidenceKind.SCREENSHOT
    return forms.FileField(
        label=kind.label,
        required=required,
        allow_empty_file=True,
        help_text=_taken(
            "PNG or JPEG" if is_picture else "PDF, XLSX, CSV, plain text or a picture"
        ),
        widget=forms.FileInput(attrs={"accept": ".png,.jpg,.jpeg" if is_picture else _ACCEPTED}),
    )


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
    stage_2_role = _role_of("Stage 2")
    stage_2_people = _people_of("Stage 2")
    stage_2_count = _count_of_stage(2)
    stage_3_role = _role_of("Stage 3")
    stage_3_people = _people_of("Stage 3")
    stage_3_count = _count_of_stage(3)
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
            [facts[f"stage_{number}_{part}"] for part in ("role", "people", "count")]
            for number in (1, 2, 3)
        )
        if parts[0] or parts[1]
    ]


def _stage(role: str, people: str, count: str) -> dict[str, Any]:
    """One stage."""
    return {
        **_authority(role, people),
        "count": int(count) if count.isdecimal() else count or 1,
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
