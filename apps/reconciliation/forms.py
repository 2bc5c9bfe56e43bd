"""What people fill in about reconciliations, and how they narrow lists down."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import MAXYEAR, MINYEAR, date, datetime
from typing import Any

from django import forms

from apps.common.access import Actor
from apps.common.forms import StrictJSONField
from apps.common.money import plain
from apps.identity.models import User
from apps.reconciliation.models import MatchType, Run
from apps.reconciliation.permissions import START_RUN
from apps.reconciliation.selectors import Days, match_types_for
from apps.reconciliation.states import BreakState, Carries, Cause, ReviewStatus

ALL_DAYS = "all"
_DAY = "%Y-%m-%d"  # the only form that browsers take for a date


def _day(label: str) -> forms.DateField:
    return forms.DateField(label=label, widget=forms.DateInput(format=_DAY, attrs={"type": "date"}))


class BreakFilterForm(forms.Form):
    """Narrows the list of breaks; without a choice of days it shows the latest ones."""

    q = forms.CharField(
        label="Reference", required=False, max_length=100, widget=forms.SearchInput()
    )
    days = forms.ChoiceField(label="Period", required=False)
    match_type = forms.ModelChoiceField(
        label="Match type", queryset=MatchType.objects.none(), required=False, empty_label="All"
    )
    cause = forms.ChoiceField(label="Cause", choices=[("", "All"), *Cause.choices], required=False)
    state = forms.ChoiceField(
        label="State", choices=[("", "All"), *BreakState.choices], required=False
    )
    status = forms.ChoiceField(
        label="Review", choices=[("", "All"), *ReviewStatus.choices], required=False
    )

    def __init__(self, data: Any, *, actor: Actor, days: Sequence[Days]) -> None:
        super().__init__(data, auto_id="filter_%s")
        match_types: Any = self.fields["match_type"]
        match_types.queryset = match_types_for(actor)
        choices: Any = self.fields["days"]
        choices.choices = [*((each.name, each.words) for each in days), (ALL_DAYS, "All")]


class GroupFilterForm(forms.Form):
    """Narrows the list of a run's groups."""

    q = forms.CharField(
        label="Reference", required=False, max_length=100, widget=forms.SearchInput()
    )
    pass_name = forms.ChoiceField(label="Pass", required=False)

    def __init__(self, data: Any, *, passes: Sequence[str]) -> None:
        super().__init__(data, auto_id="filter_%s")
        choices: Any = self.fields["pass_name"]
        choices.choices = [("", "All"), *((name, name) for name in passes)]


class StartForm(forms.Form):
    """Which reconciliation to run over which days."""

    match_type = forms.ModelChoiceField(
        label="Match type", queryset=MatchType.objects.none(), empty_label="Choose one"
    )
    starts_on = _day("First day")
    ends_on = _day("Last day")

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        match_types: Any = self.fields["match_type"]
        match_types.queryset = MatchType.objects.filter(
            entity_id__in=actor.entity_ids(START_RUN)
        ).order_by("name")


class RulesField(StrictJSONField):
    """Rules as JSON, indented so that people can read them."""

    widget = forms.Textarea(attrs={"rows": 24, "class": "mono", "spellcheck": "false"})

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, dict):
            return json.dumps(value, indent=2, ensure_ascii=False)
        return super().prepare_value(value)


class RulesForm(forms.Form):
    """Other rules, and the run on which they can be tried first."""

    rules = RulesField(label="Rules")
    seen_version = forms.IntegerField(widget=forms.HiddenInput)
    run = forms.ModelChoiceField(
        label="Try them on",
        queryset=Run.objects.none(),
        required=False,
        empty_label="No run",
    )

    def __init__(self, *args: Any, match_type: MatchType, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        runs: Any = self.fields["run"]
        runs.queryset = match_type.runs.live().select_related("match_type").order_by("-ends_on")


class ReviewForm(forms.Form):
    """A word about a break, and the version of its review that was seen."""

    comment = forms.CharField(
        label="Why, and what becomes of it",
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 4}),
        error_messages={"required": "Say why in a few words."},
    )
    version = forms.IntegerField(widget=forms.HiddenInput)


class AcceptForm(ReviewForm):
    """An explained break is accepted as it is, unless there is more to say."""

    comment = forms.CharField(
        label="Comment",
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class ReopenForm(ReviewForm):
    """Opening a break again takes what was said back; the reason stays."""

    comment = forms.CharField(
        label="Why it is opened again",
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": "Say why in a few words."},
    )


def _reason(label: str) -> forms.CharField:
    return forms.CharField(
        label=label,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": "Say why in a few words."},
    )


class ReasonForm(forms.Form):
    """Why something is changed by hand."""

    reason = _reason("Why")


class CorrectForm(ReasonForm):
    """The right cause of a break."""

    cause = forms.ChoiceField(label="The right cause")
    field_order = ("cause", "reason")

    def __init__(self, *args: Any, now: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        causes: Any = self.fields["cause"]
        causes.choices = [choice for choice in Cause.choices if choice[0] != now]


class SplitForm(ReasonForm):
    """Which records of a break go together; the others are the second part."""

    records = forms.MultipleChoiceField(
        label="One part: these records", widget=forms.CheckboxSelectMultiple
    )
    field_order = ("records", "reason")

    def __init__(self, *args: Any, items: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        records: Any = self.fields["records"]
        records.choices = [(item.record_id, _words(item)) for item in items]


class ForceForm(ReasonForm):
    """The open breaks that belong to one; an account takes what they differ by."""

    breaks = forms.MultipleChoiceField(
        label="Belongs to", widget=forms.CheckboxSelectMultiple, required=False
    )
    expense_account = forms.CharField(
        label="Account for a larger difference", max_length=50, required=False
    )
    posted_on = forms.DateField(
        label="Booked on",
        required=False,
        widget=forms.DateInput(format=_DAY, attrs={"type": "date"}),
    )
    field_order = ("breaks", "reason", "expense_account", "posted_on")

    def __init__(self, *args: Any, candidates: Any, day: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        breaks: Any = self.fields["breaks"]
        breaks.choices = [
            (each.pk, f"Break {each.number}: " + ", ".join(_words(item) for item in each.chosen))
            for each in candidates
        ]
        self.fields["posted_on"].initial = day


class WriteOffForm(ReasonForm):
    """Where and when a break's amount is booked."""

    expense_account = forms.CharField(label="Account", max_length=50)
    posted_on = _day("Booked on")
    field_order = ("expense_account", "posted_on", "reason")

    def __init__(self, *args: Any, day: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["posted_on"].initial = day


def _words(item: Any) -> str:
    record = item.record
    name = record.reference or record.external_id or "no reference"
    amount = plain(record.amount, record.currency)
    return f"{name}, {record.booked_on}, {amount} {record.currency} ({item.get_side_display()})"


class CertifyForm(forms.Form):
    """A word beside one's name."""

    comment = forms.CharField(
        label="Comment", required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 3})
    )


class AsOfForm(forms.Form):
    """The moment as of which a statement is made."""

    at = forms.DateTimeField(
        label="As things stood at",
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
    )

    def clean_at(self) -> datetime | None:
        at: datetime | None = self.cleaned_data["at"]
        if at and not MINYEAR < at.year < MAXYEAR:  # another time zone may lie in the next year
            raise forms.ValidationError("Choose a moment at which there were books.")
        return at


class QueueForm(forms.Form):
    """Narrows the review queue."""

    owner = forms.ChoiceField(label="Owner", required=False)
    age = forms.ChoiceField(label="Age", required=False)
    cause = forms.ChoiceField(label="Cause", choices=[("", "All"), *Cause.choices], required=False)
    match_type = forms.ModelChoiceField(
        label="Match type", queryset=MatchType.objects.none(), required=False, empty_label="All"
    )
    least = forms.DecimalField(
        label="From amount", required=False, min_value=0, max_digits=20, decimal_places=4
    )
    most = forms.DecimalField(
        label="To amount", required=False, min_value=0, max_digits=20, decimal_places=4
    )

    def __init__(
        self, data: Any, *, actor: Actor, owners: Sequence[Any], ages: Sequence[tuple[str, str]]
    ) -> None:
        super().__init__(data, auto_id="filter_%s")
        match_types: Any = self.fields["match_type"]
        match_types.queryset = match_types_for(actor)
        chosen: Any = self.fields["owner"]
        people = [(str(person.pk), str(person)) for person in owners]
        chosen.choices = [("", "All"), ("me", "Me"), ("nobody", "Nobody"), *people]
        buckets: Any = self.fields["age"]
        buckets.choices = [("", "All"), *ages]


class AssignForm(ReasonForm):
    """Who works a break from now on."""

    owner = forms.ModelChoiceField(label="Owner", queryset=User.objects.none())
    field_order = ("owner", "reason")

    def __init__(self, *args: Any, people: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        owner: Any = self.fields["owner"]
        owner.queryset = people


class TermsForm(forms.Form):
    """Who works the breaks of a match type, by when, and what is carried on."""

    owner = forms.ModelChoiceField(
        label="Owner of the breaks",
        queryset=User.objects.none(),
        required=False,
        empty_label="Nobody",
    )
    sla_days = forms.IntegerField(label="Due after business days", min_value=0, max_value=365)
    ageing_days = forms.CharField(label="Ageing buckets end at (days)", max_length=50)
    carries = forms.ChoiceField(label="The next run takes up", choices=Carries.choices)

    def __init__(self, *args: Any, people: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        owner: Any = self.fields["owner"]
        owner.queryset = people

    def clean_ageing_days(self) -> list[int]:
        parts = [part.strip() for part in self.cleaned_data["ageing_days"].split(",")]
        if not all(part.isascii() and part.isdigit() and len(part) < 6 for part in parts):
            raise forms.ValidationError("Write days with commas between them: 30, 60, 90.")
        return [int(part) for part in parts]


class ResolutionForm(forms.Form):
    """Which small breaks are booked where."""

    cause = forms.ChoiceField(label="Cause", choices=Cause.choices)
    limit = forms.DecimalField(label="Up to", min_value=0, max_digits=20, decimal_places=4)
    currency = forms.CharField(label="Currency", max_length=3)
    expense_account = forms.CharField(label="Account", max_length=50)
