"""What a controller or an auditor asks about."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from django import forms
from django.http import HttpRequest
from django.utils import timezone

from apps.approvals.permissions import VIEW_CONTROLS
from apps.approvals.selectors.quality import QUICK_SECONDS
from apps.identity.context import entity_in_view
from apps.identity.models import Entity, User
from apps.identity.selectors import system_user

_DAYS_TO_BEGIN_WITH: Final = 90
_INSTANT = "%Y-%m-%dT%H:%M:%S"


def _day_input() -> forms.DateInput:
    return forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})


class InstantForm(forms.Form):
    """An instant, by the clock that the page shows."""

    at = forms.DateTimeField(
        label="When",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "step": 1}, format=_INSTANT),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.auto_id = "filter_%s"


class SpanForm(forms.Form):
    """Some days."""

    starts_on = forms.DateField(label="First day", widget=_day_input())
    ends_on = forms.DateField(label="Last day", widget=_day_input())

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.auto_id = "filter_%s"


class DaysForm(SpanForm):
    """Some days of one entity, by its clock."""

    entity = forms.ModelChoiceField(
        queryset=Entity.objects.none(), to_field_name="code", empty_label=None
    )
    field_order: tuple[str, ...] = ("entity", "starts_on", "ends_on")

    def __init__(self, *args: Any, actor: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer_entities(self, actor)


def latest_days(request: HttpRequest, actor: User) -> dict[str, str]:
    """The last days of the entity in view, as somebody would ask for them."""
    there = Entity.objects.filter(pk__in=actor.entity_ids(VIEW_CONTROLS)).order_by("code")
    in_view = entity_in_view(request)
    entity = there.first() if in_view is None else there.filter(pk=in_view.pk).first()
    if entity is None:
        return {}
    today = timezone.localdate(timezone=entity.zone)
    first = today - timedelta(days=_DAYS_TO_BEGIN_WITH)
    return {"entity": entity.code, "starts_on": str(first), "ends_on": str(today)}


class QualityForm(DaysForm):
    """Some days of one entity, and what counts as waved through."""

    quick_seconds = forms.IntegerField(
        label="Waved through within (s)",
        min_value=1,
        max_value=3600,
        required=False,
        widget=forms.NumberInput(attrs={"placeholder": QUICK_SECONDS}),
    )
    field_order = ("entity", "starts_on", "ends_on", "quick_seconds")

    def clean_quick_seconds(self) -> int:
        seconds: int | None = self.cleaned_data["quick_seconds"]
        return seconds or QUICK_SECONDS


def offer_entities(form: forms.Form, actor: User) -> Any:
    """The entities whose controls the actor may look at, by name."""
    fields: Any = form.fields
    there = Entity.objects.filter(pk__in=actor.entity_ids(VIEW_CONTROLS)).order_by("code")
    fields["entity"].queryset = there
    fields["entity"].label_from_instance = lambda entity: entity.name
    return there


class ImaginedForm(InstantForm):
    """A request that nobody made."""

    entity = forms.ModelChoiceField(
        queryset=Entity.objects.none(), to_field_name="code", empty_label=None
    )
    item_type = forms.ChoiceField(label="Kind")
    amount = forms.DecimalField(
        required=False, min_value=0, max_digits=20, decimal_places=4, localize=False
    )
    currency = forms.CharField(required=False, max_length=3)
    maker = forms.ModelChoiceField(
        label="Made by",
        queryset=User.objects.none(),
        to_field_name="username",
        required=False,
        empty_label="Nobody of us",
    )

    field_order = ("entity", "item_type", "amount", "currency", "maker", "at")

    def __init__(
        self, *args: Any, actor: User, kinds: list[tuple[str, str]], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        there = offer_entities(self, actor)
        fields["item_type"].choices = kinds
        fields["maker"].queryset = (
            User.objects.filter(entityuserobjectpermission__content_object__in=there)
            .distinct()
            .order_by("username")
        )

    def clean_at(self) -> datetime:
        """By the clock of the entity that is asked about."""
        at: datetime = self.cleaned_data["at"]
        entity = self.cleaned_data.get("entity")
        return at if entity is None else timezone.make_naive(at).replace(tzinfo=entity.zone)

    def facts(self) -> dict[str, Any]:
        """What was asked, after the form was found valid."""
        asked = dict(self.cleaned_data)
        return asked | {"maker": asked["maker"] or system_user()}
