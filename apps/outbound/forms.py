"""What people fill in about endpoints."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from apps.common.access import Actor
from apps.common.admin import ServiceForm
from apps.identity.models import Entity
from apps.outbound.models import Endpoint
from apps.outbound.permissions import MANAGE_ENDPOINTS
from apps.outbound.registry import KIND_LABELS
from apps.outbound.services import change_endpoint, register_endpoint
from apps.outbound.states import LONGEST_OVERLAP_HOURS, OVERLAP_HOURS


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
