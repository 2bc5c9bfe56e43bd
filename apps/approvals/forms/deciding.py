"""Forms about one request: a decision, evidence, a seat, why something is taken back."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.template.defaultfilters import filesizeformat

from apps.approvals.models import Policy
from apps.approvals.rules import LONGEST_TEXT, Evidence
from apps.approvals.selectors import kinds_asked
from apps.approvals.services import bring
from apps.approvals.states import ASKABLE_KINDS, EvidenceKind, Verdict
from apps.identity.models import User

_LONGEST = 2000
_ACCEPTED = ".png,.jpg,.jpeg,.pdf,.xlsx,.csv,.txt"
_ASKED_AS = {EvidenceKind.RESOLUTION: "How what was open was resolved"}


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


class ReassignForm(forms.Form):
    """Whose seat goes to whom, and why."""

    from_person = forms.ModelChoiceField(
        label="Seat of",
        queryset=User.objects.none(),
        to_field_name="username",
        empty_label=None,
    )
    to_person = forms.ModelChoiceField(
        label="Goes to",
        queryset=User.objects.none(),
        to_field_name="username",
        empty_label="Choose a person",
    )
    reason = forms.CharField(max_length=_LONGEST, widget=forms.Textarea(attrs={"rows": 3}))
    expected_version = forms.IntegerField(min_value=1, widget=forms.HiddenInput)

    def __init__(
        self, *args: Any, seats: Collection[int], takers: Collection[int], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        people = User.objects.order_by("last_name", "first_name", "pk")
        fields["from_person"].queryset = people.filter(pk__in=seats)
        fields["to_person"].queryset = people.filter(pk__in=takers)


class ReasonForm(forms.Form):
    """Why a request or an approval is taken back, and which version of it was looked at."""

    reason = forms.CharField(max_length=_LONGEST, widget=forms.Textarea(attrs={"rows": 3}))
    expected_version = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
