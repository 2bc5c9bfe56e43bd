"""People, entities and roles in the admin; and who gets into the admin at all."""

from __future__ import annotations

from typing import Any, ClassVar

from allauth.account.decorators import secure_admin_login
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db import models
from django.db.models import Prefetch
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from apps.common.admin import ServiceAdmin, run_each, service_action
from apps.identity.context import actor_of
from apps.identity.forms import EntityForm, GrantForm, UserForm
from apps.identity.models import Entity, EntityUserObjectPermission, User
from apps.identity.permissions import (
    MANAGE_ENTITIES,
    MANAGE_USERS,
    VIEW_ENTITIES,
    VIEW_USERS,
)
from apps.identity.selectors import grants_seen_by
from apps.identity.services import deactivate_user, reactivate_user, revoke_role

# Whoever opens the admin signs in like everybody else: second factor and lock-out included.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

# Groups follow the grants, addresses and second factors are their owner's: no form past that.
for model in (Group, EmailAddress, Authenticator):
    admin.site.unregister(model)


class PeopleAdmin(ServiceAdmin):
    """What the pages about users share."""

    view_permission = VIEW_USERS
    add_permission = MANAGE_USERS

    def has_manage_permission(self, request: HttpRequest) -> bool:
        """Django asks this for the actions below."""
        return self.has_add_permission(request)


@admin.register(User)
class UserAdmin(PeopleAdmin):
    add_form = UserForm
    list_display = ("username", "full_name", "email", "is_active", "last_login")
    list_filter = ("is_active", "groups")
    search_fields = ("username", "first_name", "last_name", "email")
    ordering = ("username",)
    actions = ("deactivate", "reactivate")
    add_fields: ClassVar = ("username", "email", "first_name", "last_name", "password")
    fields: ClassVar = (
        "username",
        "first_name",
        "last_name",
        "email",
        "is_active",
        "roles",
        "is_staff",
        "is_superuser",
        "last_login",
        "date_joined",
    )

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        actor = actor_of(request)
        grants = Prefetch(
            "entityuserobjectpermission_set", grants_seen_by(actor), to_attr="grants_seen"
        )
        return super().get_queryset(request).prefetch_related(grants)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return self.add_fields
        if self.has_manage_permission(request):
            return (*self.fields, "grant_another")
        return self.fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if obj is None else self.get_fields(request, obj)

    @admin.display(description="Name", ordering="last_name")
    def full_name(self, user: User) -> str:
        return user.get_full_name()

    @admin.display(description="Roles")
    def roles(self, user: Any) -> SafeString:
        """What the user is, where; leads to the list in which a role is revoked."""
        return format_html_join(
            "",
            '<p><a class="text-primary-600 dark:text-primary-500" href="{}?{}">{}: {}</a></p>',
            (
                (
                    reverse("admin:identity_entityuserobjectpermission_changelist"),
                    f"user__id__exact={user.pk}",
                    grant.content_object.name,
                    grant.permission.codename,
                )
                for grant in user.grants_seen
            ),
        )

    @admin.display(description="Another role")
    def grant_another(self, user: User) -> SafeString:
        return format_html(
            '<a class="text-primary-600 dark:text-primary-500" href="{}?user={}">Grant a role</a>',
            reverse("admin:identity_entityuserobjectpermission_add"),
            user.pk,
        )

    deactivate = service_action(
        deactivate_user, "user_id", "Deactivate selected users", done="deactivated"
    )

    reactivate = service_action(
        reactivate_user, "user_id", "Reactivate selected users", done="reactivated"
    )


@admin.register(EntityUserObjectPermission)
class GrantAdmin(PeopleAdmin):
    """Who has which role where; a grant is given, and revoked, never edited."""

    add_form = GrantForm
    list_display = ("user", "role", "entity")
    list_filter = (("content_object", admin.RelatedOnlyFieldListFilter), "permission__codename")
    search_fields = ("user__username", "user__last_name", "content_object__code")
    actions = ("revoke",)
    fields: ClassVar = ("user", "role", "content_object")
    readonly_fields: ClassVar = ("role", "entity")

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        actor = actor_of(request)
        queryset: models.QuerySet[Any] = grants_seen_by(actor)
        return queryset

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if obj is None else self.fields

    @admin.display(description="Role", ordering="permission__codename")
    def role(self, grant: EntityUserObjectPermission) -> str:
        return grant.permission.codename

    @admin.display(description="Entity", ordering="content_object__name")
    def entity(self, grant: EntityUserObjectPermission) -> str:
        return grant.content_object.name

    @admin.action(description="Revoke selected roles", permissions=["manage"])
    def revoke(
        self, request: HttpRequest, queryset: models.QuerySet[EntityUserObjectPermission]
    ) -> None:
        actor = actor_of(request)

        def take_away(grant: EntityUserObjectPermission) -> None:
            revoke_role(
                user_id=grant.user.pk,
                role=grant.permission.codename,
                entity_id=grant.content_object.pk,
                actor=actor,
            )

        run_each(request, queryset, take_away, done="revoked")


@admin.register(Entity)
class EntityAdmin(ServiceAdmin):
    view_permission = VIEW_ENTITIES
    add_permission = MANAGE_ENTITIES
    add_form = EntityForm
    list_display = ("code", "name", "country", "functional_currency", "time_zone")
    list_filter = ("country", "functional_currency")
    search_fields = ("code", "name")
