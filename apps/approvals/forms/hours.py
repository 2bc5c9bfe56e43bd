"""Forms about when people work, for pages and the admin."""

from __future__ import annotations

from typing import Any, ClassVar
from zoneinfo import available_timezones

from django import forms
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from apps.approvals.forms.absence import people_managed_by
from apps.approvals.models import WorkingHours
from apps.approvals.services import set_hours
from apps.common.admin import ServiceForm

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class _Weekdays(forms.TypedMultipleChoiceField):
    def __init__(self, widget: Any = forms.CheckboxSelectMultiple) -> None:
        super().__init__(
            label="Working days", choices=list(enumerate(_DAYS)), coerce=int, widget=widget
        )


class _Time(forms.TimeField):
    def __init__(self, label: str, help_text: str = "") -> None:
        widget = forms.TimeInput(format="%H:%M", attrs={"type": "time"})
        super().__init__(label=label, help_text=help_text, widget=widget)


class HoursForm(forms.Form):
    """On which days and at which hours one works."""

    time_zone = forms.ChoiceField(label="Time zone")
    weekdays = _Weekdays()
    opens_at = _Time("From")
    closes_at = _Time("To", "00:00 is the end of the day.")
    country = forms.RegexField(
        r"^[A-Z]{2}$",
        label="Public holidays of",
        required=False,
        max_length=2,
        help_text="Two letters, such as US. Empty: those of the company.",
    )
    expected_version = forms.IntegerField(widget=forms.HiddenInput, min_value=0)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        fields["time_zone"].choices = [(name, name) for name in sorted(available_timezones())]


class AdminHoursForm(ServiceForm):
    """The hours of somebody of one's entities."""

    weekdays = _Weekdays(UnfoldAdminCheckboxSelectMultipleWidget)

    class Meta:
        model = WorkingHours
        fields: ClassVar = ("person", "time_zone", "weekdays", "opens_at", "closes_at", "country")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people: Any = self.fields["person"]
        people.queryset = people_managed_by(self.actor)

    def carry_out(self, facts: dict[str, Any]) -> WorkingHours:
        person = facts.pop("person")
        return set_hours(person_id=person.pk, **facts, actor=self.actor)
