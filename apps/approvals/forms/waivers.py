"""The forms of waivers: to sign first, and to end one."""

from __future__ import annotations

from typing import Any

from django import forms

from apps.approvals.permissions import DECIDE_REQUEST, SIGN_WAIVERS
from apps.identity.models import Entity, User
from apps.identity.selectors import people_who_may


def _words(label: str, help_text: str = "") -> forms.CharField:
    area = forms.Textarea(attrs={"rows": 2})
    return forms.CharField(label=label, max_length=2000, widget=area, help_text=help_text)


def _day(label: str) -> forms.DateField:
    return forms.DateField(
        label=label, widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    )


class WaiverForm(forms.Form):
    """Who may decide on what though he had a hand in it, until when, and what is done instead."""

    entity = forms.ModelChoiceField(
        queryset=Entity.objects.none(), to_field_name="code", empty_label=None
    )
    person = forms.ModelChoiceField(
        queryset=User.objects.none(), to_field_name="username", empty_label="Choose a person"
    )
    item_type = forms.ChoiceField(label="Kind")
    starts_on = _day("First day")
    ends_on = _day("Last day")
    reason = _words("Reason")
    compensating_control = _words(
        "Compensating control", "What keeps the risk small meanwhile: who looks at it afterwards."
    )

    def __init__(self, *args: Any, actor: User, kinds: list[tuple[str, str]], **kw: Any) -> None:
        super().__init__(*args, **kw)
        fields: Any = self.fields
        there = Entity.objects.filter(pk__in=actor.entity_ids(SIGN_WAIVERS))
        fields["entity"].queryset = there
        fields["entity"].label_from_instance = lambda entity: entity.name
        people = User.objects.none()
        for entity in there:
            able = people_who_may(DECIDE_REQUEST, entity_id=entity.pk)
            people |= User.objects.filter(pk__in=able.values("pk"))
        fields["person"].queryset = people.exclude(pk=actor.pk).order_by("username")
        fields["item_type"].choices = kinds


class RevokeForm(forms.Form):
    """Why a waiver ends, as it was seen."""

    reason = _words("Reason")
    expected_version = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=1)
