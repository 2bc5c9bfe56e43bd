"""Forms of the admin: a user, an entity, a role."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminSelectWidget

from apps.common.admin import ServiceForm
from apps.common.roles import ROLES
from apps.identity.models import Entity, EntityUserObjectPermission, User
from apps.identity.permissions import MANAGE_USERS
from apps.identity.services import create_user, grant_role, register_entity


class UserForm(ServiceForm):
    """Somebody new, without any role yet."""

    password = forms.CharField(
        label="First password",
        required=False,
        strip=False,
        max_length=1024,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text="Best left empty: the user then chooses one by “Forgotten your password?”, and"
        " nobody else ever knows it.",
    )

    class Meta:
        model = User
        fields: ClassVar = ("username", "email", "first_name", "last_name")

    def carry_out(self, facts: dict[str, Any]) -> User:
        return create_user(**{**facts, "password": facts["password"] or None}, actor=self.actor)


class EntityForm(ServiceForm):
    """A company or branch that closes its books."""

    class Meta:
        model = Entity
        fields: ClassVar = ("code", "name", "country", "functional_currency", "time_zone")

    def carry_out(self, facts: dict[str, Any]) -> Entity:
        return register_entity(**facts, actor=self.actor)


class GrantForm(ServiceForm):
    """A role for a user on an entity."""

    role = forms.ChoiceField(
        choices=[(role, role.capitalize()) for role in ROLES], widget=UnfoldAdminSelectWidget
    )

    class Meta:
        model = EntityUserObjectPermission
        fields: ClassVar = ("user", "content_object")
        labels: ClassVar = {"content_object": "Entity"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        users: Any = self.fields["user"]
        users.queryset = User.objects.visible_to(self.actor).filter(is_active=True)
        entities: Any = self.fields["content_object"]
        entities.queryset = Entity.objects.filter(pk__in=self.actor.entity_ids(MANAGE_USERS))

    def carry_out(self, facts: dict[str, Any]) -> EntityUserObjectPermission:
        return grant_role(
            user_id=facts["user"].pk,
            role=facts["role"],
            entity_id=facts["content_object"].pk,
            actor=self.actor,
        )
