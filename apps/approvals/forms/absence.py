"""Forms about who is away and who stands in, for pages and the admin."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms

from apps.approvals.models import Delegation, Leave
from apps.approvals.permissions import DECIDE_REQUEST, DELEGATE, MANAGE_ABSENCES
from apps.approvals.services import delegate, plan_leave
from apps.common.admin import ServiceForm
from apps.identity.models import Entity, User
from apps.identity.selectors import people_who_may

_DAY = "%Y-%m-%d"  # the only form that browsers take for a date


def _day(label: str) -> forms.DateField:
    return forms.DateField(label=label, widget=forms.DateInput(format=_DAY, attrs={"type": "date"}))


class LeaveForm(forms.Form):
    """On which days one is away."""

    starts_on = _day("First day")
    ends_on = _day("Last day")


class DelegationForm(forms.Form):
    """To whom one hands over what, and on which days."""

    entity = forms.ModelChoiceField(
        label="Entity", queryset=Entity.objects.none(), to_field_name="code", empty_label=None
    )
    delegate = forms.ModelChoiceField(
        label="Who decides for you",
        queryset=User.objects.none(),
        to_field_name="username",
        empty_label="Choose a person",
    )
    item_type = forms.ChoiceField(label="What", required=False)
    cap_amount = forms.DecimalField(
        label="At most", required=False, max_digits=20, decimal_places=4, localize=False
    )
    cap_currency = forms.CharField(label="Currency of it", required=False, max_length=3)
    starts_on = _day("First day")
    ends_on = _day("Last day")
    reason = forms.CharField(max_length=2000, widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, *args: Any, actor: User, kinds: list[tuple[str, str]], **kw: Any) -> None:
        super().__init__(*args, **kw)
        fields: Any = self.fields
        there = Entity.objects.filter(pk__in=actor.entity_ids(DELEGATE))
        fields["entity"].queryset = there
        fields["entity"].label_from_instance = lambda entity: entity.name
        able = [people_who_may(DECIDE_REQUEST, entity_id=one.pk).values("pk") for one in there]
        fields["delegate"].queryset = _any_of(able).exclude(pk=actor.pk).order_by("username")
        fields["item_type"].choices = [("", "Everything"), *kinds]


def people_managed_by(actor: User) -> Any:
    """Those who decide where the actor manages absences (a queryset)."""
    managed = Entity.objects.filter(pk__in=actor.entity_ids(MANAGE_ABSENCES))
    able = [people_who_may(DECIDE_REQUEST, entity_id=one.pk).values("pk") for one in managed]
    return _any_of(able)


def _any_of(parts: list[Any]) -> Any:
    people = User.objects.none()
    for part in parts:
        people |= User.objects.filter(pk__in=part)
    return people


class AdminLeaveForm(ServiceForm):
    """The leave of somebody of one's entities."""

    class Meta:
        model = Leave
        fields: ClassVar = ("person", "starts_on", "ends_on")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people: Any = self.fields["person"]
        people.queryset = people_managed_by(self.actor)

    def carry_out(self, facts: dict[str, Any]) -> Leave:
        return plan_leave(
            person_id=facts["person"].pk,
            starts_on=facts["starts_on"],
            ends_on=facts["ends_on"],
            actor=self.actor,
        )


class AdminDelegationForm(ServiceForm):
    """What whoever is signed in hands over."""

    class Meta:
        model = Delegation
        fields: ClassVar = (
            "entity",
            "delegate",
            "item_type",
            "cap_amount",
            "cap_currency",
            "starts_on",
            "ends_on",
            "reason",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        entities: Any = self.fields["entity"]
        entities.queryset = Entity.objects.filter(pk__in=self.actor.entity_ids(DELEGATE))

    def carry_out(self, facts: dict[str, Any]) -> Delegation:
        plain = {name: facts[name] for name in self.Meta.fields if name not in _NAMED}
        return delegate(
            entity_id=facts["entity"].pk,
            delegate_id=facts["delegate"].pk,
            **plain,
            actor=self.actor,
        )


_NAMED = {"entity", "delegate"}
