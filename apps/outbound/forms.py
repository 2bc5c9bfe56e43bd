"""What people fill in about endpoints."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from apps.common.access import Actor
from apps.common.admin import ServiceForm
from apps.identity.models import Entity
from apps.outbound.models import Endpoint, MessagePreference
from apps.outbound.permissions import MANAGE_ENDPOINTS
from apps.outbound.registry import KIND_LABELS
from apps.outbound.services import change_endpoint, register_endpoint
from apps.outbound.states import LONGEST_OVERLAP_HOURS, OVERLAP_HOURS, Rhythm


def entities_managed_by(actor: Actor) -> Any:
    """The entities whose endpoints the actor may manage, by code."""
    ids = actor.entity_ids(MANAGE_ENDPOINTS)
    return Entity.objects.filter(pk__in=ids).order_by("code")


class EndpointForm(forms.Form):
    """An endpoint as it is, or is to be."""

    name = forms.CharField(label="Name", max_length=100, help_text="Which system it is.")
    url = forms.CharField(
        label="URL", max_length=500, widget=forms.URLInput, help_text="Its host has to be listed."
    )
    kinds = forms.MultipleChoiceField(
        label="Events", choices=KIND_LABELS, widget=forms.CheckboxSelectMultiple
    )


class RegisterForm(EndpointForm):
    """A new endpoint."""

    entity = forms.ModelChoiceField(label="Entity", queryset=Entity.objects.none())

    field_order = ("entity", "name", "url", "kinds")

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        entity: Any = self.fields["entity"]
        entity.queryset = entities_managed_by(actor)


class RotateForm(forms.Form):
    """For how long the former secret signs as well."""

    overlap_hours = forms.IntegerField(
        label="Hours for which both sign",
        min_value=0,
        max_value=LONGEST_OVERLAP_HOURS,
        initial=OVERLAP_HOURS,
        help_text="0 if others know the former one.",
    )


class OffForm(forms.Form):
    """Why it is switched off."""

    reason = forms.CharField(label="Why", max_length=200)


class PreferenceForm(forms.Form):
    """Where and when somebody is told. What is given of Slack goes in and never out."""

    by_email = forms.BooleanField(label="By e-mail", required=False)
    by_slack = forms.BooleanField(label="By Slack", required=False)
    slack_url = forms.CharField(
        label="Incoming webhook of Slack",
        required=False,
        max_length=500,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )
    rhythm = forms.ChoiceField(label="When", choices=Rhythm.choices, widget=forms.RadioSelect)
    digest_hour = forms.TypedChoiceField(
        label="Hour of the daily one",
        coerce=int,
        choices=[(hour, f"{hour:02}:00") for hour in range(24)],
    )
    time_zone = forms.CharField(label="Your time zone", max_length=64, help_text="IANA name.")

    def __init__(self, *args: Any, has_slack_url: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if has_slack_url:
            self.fields["slack_url"].help_text = "Left empty, the one that is there stays."

    @classmethod
    def of(cls, preference: MessagePreference) -> PreferenceForm:
        """The form with what was chosen."""
        names = ("by_email", "by_slack", "rhythm", "digest_hour", "time_zone")
        facts = {name: getattr(preference, name) for name in names}
        return cls(initial=facts, has_slack_url=bool(preference.slack_url))

    @property
    def choice(self) -> dict[str, Any]:
        """What was chosen, as the service takes it."""
        facts = self.cleaned_data
        return {**facts, "slack_url": facts["slack_url"] or None}


class _AdminForm(ServiceForm):
    kinds = forms.MultipleChoiceField(
        choices=KIND_LABELS, widget=UnfoldAdminCheckboxSelectMultipleWidget
    )


class NewEndpointAdminForm(_AdminForm):
    """A new endpoint in the admin."""

    class Meta:
        model = Endpoint
        fields: ClassVar = ("entity", "name", "url", "kinds")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        entity: Any = self.fields["entity"]
        entity.queryset = entities_managed_by(self.actor)

    def carry_out(self, facts: dict[str, Any]) -> Endpoint:
        entity = facts.pop("entity")
        return register_endpoint(entity_id=entity.pk, **facts, actor=self.actor)


class ChangeEndpointAdminForm(_AdminForm):
    """Another name, URL or other kinds."""

    class Meta:
        model = Endpoint
        fields: ClassVar = ("name", "url", "kinds")

    def carry_out(self, facts: dict[str, Any]) -> Endpoint:
        return change_endpoint(endpoint_id=self.instance.pk, **facts, actor=self.actor)
