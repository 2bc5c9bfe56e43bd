"""The form behind the admin's "add control"."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
)

from apps.common.admin import ServiceForm
from apps.common.roles import ROLES
from apps.compliance.models import Control
from apps.compliance.permissions import MANAGE_CONTROLS
from apps.compliance.services import define_control
from apps.compliance.states import Assertion
from apps.identity.models import Entity


class ControlForm(ServiceForm):
    """A new control; `define_control` carries it out."""

    assertions = forms.MultipleChoiceField(
        choices=Assertion.choices, widget=UnfoldAdminCheckboxSelectMultipleWidget
    )
    owner_role = forms.ChoiceField(
        choices=[(role, role.capitalize()) for role in ROLES], widget=UnfoldAdminSelectWidget
    )
    task_keys = forms.CharField(
        label="Close tasks",
        required=False,
        widget=UnfoldAdminTextareaWidget,
        help_text="Keys of the tasks that carry it out, one a line.",
    )

    class Meta:
        model = Control
        fields: ClassVar = (
            "entity",
            "identifier",
            "name",
            "objective",
            "risk",
            "assertions",
            "coso_principle",
            "nature",
            "automation",
            "is_key",
            "frequency",
            "owner_role",
            "task_keys",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        entity: Any = self.fields["entity"]
        entity.queryset = Entity.objects.filter(pk__in=self.actor.entity_ids(MANAGE_CONTROLS))

    def clean_task_keys(self) -> list[str]:
        """The lines that say something."""
        lines = str(self.cleaned_data["task_keys"]).splitlines()
        return [line.strip() for line in lines if line.strip()]

    def carry_out(self, facts: dict[str, Any]) -> Control:
        described = {name: value for name, value in facts.items() if name != "entity"}
        return define_control(entity_id=facts["entity"].pk, actor=self.actor, **described)
