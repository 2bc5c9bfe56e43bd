"""Users, entities and grants."""

from __future__ import annotations

from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from apps.audit.services import record
from apps.common.access import authorize, require_distinct
from apps.common.errors import IllegalMove, Invalid, NotVisible
from apps.common.roles import ADMINISTRATOR, AUDITOR, CONTROLLER, ROLES
from apps.identity.errors import (
    EntityExists,
    PasswordTooWeak,
    RoleAlreadyGranted,
    RoleNotGranted,
    RoleUnknown,
    SystemUserNeeded,
    UserExists,
    UserOfOthers,
)
from apps.identity.locks import user_for_update
from apps.identity.models import SYSTEM_USERNAME, Entity, EntityUserObjectPermission, User
from apps.identity.permissions import MANAGE_ENTITIES, MANAGE_USERS
from apps.identity.registry import authority_changed
from apps.identity.selectors import has_any_role, role_permission, user_named

_STAFF_ROLES = frozenset({CONTROLLER, AUDITOR, ADMINISTRATOR})  # who may open the admin


@transaction.atomic
def register_entity(
    *, code: str, name: str, country: str, functional_currency: str, time_zone: str, actor: User
) -> Entity:
    """Create an entity; whoever creates it becomes its administrator.

    Raises:
        NotPermitted: the actor may not manage entities.
        EntityExists: the code is taken.
        Invalid: currency, country or time zone does not exist.
    """
    authorize(actor, MANAGE_ENTITIES)
    if Entity.objects.filter(code=code).exists():
        raise EntityExists(field="code")
    entity = Entity(
        code=code,
        name=name,
        country=country,
        functional_currency=functional_currency,
        time_zone=time_zone,
    )
    _require_clean(entity)
    entity.save()
    record(actor=actor, action="identity.entity.register", subject=entity, entity_id=entity.pk)
    if not actor.is_superuser:  # who may do everything needs no grant
        _give_role(user_for_update(actor.pk), ADMINISTRATOR, entity.pk, actor)
    return entity


@transaction.atomic
def create_user(
    *,
    username: str,
    email: str,
    password: str | None,
    actor: User,
    first_name: str = "",
    last_name: str = "",
) -> User:
    """Create somebody who may sign in, without any role yet.

    Args:
        email: kept in lower case; like the name it must differ from others' in more than case.
        password: checked against the password rules; None for a user who cannot sign in with one
            until he has chosen it himself ("Forgotten your password?").

    Raises:
        NotPermitted: the actor may not manage users.
        UserExists: name or address is taken.
        PasswordTooWeak: says why.
    """
    authorize(actor, MANAGE_USERS)
    email = email.strip().lower()
    if user_named(username) is not None or user_named(email) is not None:
        raise UserExists
    user = User(username=username, email=email, first_name=first_name, last_name=last_name)
    if password is not None:
        _require_strong(password, user)
    user.set_password(password)
    _require_clean(user)
    user.save()
    record(actor=actor, action="identity.user.create", subject=user)
    return user


@transaction.atomic
def grant_role(
    *, user_id: int, role: str, entity_id: int, actor: User
) -> EntityUserObjectPermission:
    """Give a user a role on an entity.

    Raises:
        NotVisible: no such entity for this actor, or no such user.
        NotPermitted: the actor may not manage users there.
        RoleUnknown: no such role.
        RoleAlreadyGranted: nothing to do.
    """
    _require_managed(entity_id, actor)
    if role not in ROLES:
        raise RoleUnknown(field="role")
    return _give_role(user_for_update(user_id), role, entity_id, actor)


@transaction.atomic
def revoke_role(*, user_id: int, role: str, entity_id: int, actor: User) -> None:
    """Take a role on an entity away from a user; effective with the next request.

    Raises:
        NotVisible: no such entity for this actor, or no such user.
        NotPermitted: the actor may not manage users there.
        RoleNotGranted: there is no such grant.
    """
    _require_managed(entity_id, actor)
    user = user_for_update(user_id)
    deleted, _ = EntityUserObjectPermission.objects.filter(
        user=user, permission__codename=role, content_object_id=entity_id
    ).delete()
    if not deleted:
        raise RoleNotGranted
    if not has_any_role(user, role):
        user.groups.remove(Group.objects.get(name=role))
    _follow_staff_status(user)
    record(actor=actor, action="identity.role.revoke", subject=user, entity_id=entity_id, role=role)
    authority_changed(entity_id)


@transaction.atomic
def deactivate_user(*, user_id: int, actor: User) -> User:
    """Let somebody sign in no more, and end what he is signed in with; what he did stays.

    Raises:
        NotVisible: no such user.
        NotPermitted: the actor may not manage users, or this is himself.
        UserOfOthers: he also works for an entity whose users the actor does not manage.
        SystemUserNeeded: scheduled work runs as this user.
        IllegalMove: he is deactivated already.
    """
    user = _managed_user(user_id, actor)
    require_distinct(actor, [user.pk], "You cannot deactivate yourself.")
    if not user.is_active:
        raise IllegalMove("This user is deactivated already.")
    user.is_active = False
    user.save(update_fields=["is_active"])
    record(actor=actor, action="identity.user.deactivate", subject=user)
    _tell_entities_of(user)
    return user


@transaction.atomic
def reactivate_user(*, user_id: int, actor: User) -> User:
    """Let a deactivated user sign in again, with the roles that he still holds.

    Raises:
        NotVisible, NotPermitted, UserOfOthers, SystemUserNeeded: as for `deactivate_user`.
        IllegalMove: he is active.
    """
    user = _managed_user(user_id, actor)
    if user.is_active:
        raise IllegalMove("This user is active already.")
    user.is_active = True
    user.save(update_fields=["is_active"])
    record(actor=actor, action="identity.user.reactivate", subject=user)
    _tell_entities_of(user)
    return user


@transaction.atomic
def change_password(*, password: str, actor: User) -> User:
    """Give the actor, who has shown that it is he, a new password; ends all his sessions.

    Raises:
        PasswordTooWeak: says why.
    """
    user = user_for_update(actor.pk)
    _require_strong(password, user)
    user.set_password(password)
    user.save(update_fields=["password"])
    record(actor=user, action="identity.password.change", subject=user)
    return user


@transaction.atomic
def note_sign_in(*, actor: User) -> None:
    """Keep on record that the actor signed in, all his factors shown."""
    # Past the history: when somebody was last seen is no change of who he is.
    User.objects.filter(pk=actor.pk).update(last_login=timezone.now())
    record(actor=actor, action="identity.session.open", subject=actor)


@transaction.atomic
def note_sign_out(*, actor: User) -> None:
    """Keep on record that the actor ended his session."""
    record(actor=actor, action="identity.session.close", subject=actor)


@transaction.atomic
def note_second_factor(*, verb: str, kind: str, actor: User) -> None:
    """Keep on record what the actor did to his second factors.

    Args:
        verb: "add", "remove" or "reset".
        kind: "totp" or "recovery_codes".
    """
    record(actor=actor, action=f"identity.second_factor.{verb}", subject=actor, kind=kind)


def _require_managed(entity_id: int, actor: User) -> None:
    """Users are managed by entity: being administrator of one says nothing about the next."""
    if not Entity.objects.visible_to(actor).filter(pk=entity_id).exists():
        raise NotVisible
    authorize(actor, MANAGE_USERS, entity_id=entity_id)


def _managed_user(user_id: int, actor: User) -> User:
    authorize(actor, MANAGE_USERS)
    user = user_for_update(user_id)
    if user.username == SYSTEM_USERNAME:
        raise SystemUserNeeded
    if not all(actor.may(MANAGE_USERS, entity_id) for entity_id in user.granted_entity_ids()):
        raise UserOfOthers
    return user


def _give_role(user: User, role: str, entity_id: int, actor: User) -> EntityUserObjectPermission:
    grant, is_new = EntityUserObjectPermission.objects.get_or_create(
        user=user, permission=role_permission(role), content_object_id=entity_id
    )
    if not is_new:
        raise RoleAlreadyGranted
    user.groups.add(Group.objects.get(name=role))
    _follow_staff_status(user)
    record(actor=actor, action="identity.role.grant", subject=user, entity_id=entity_id, role=role)
    authority_changed(entity_id)
    return grant


def _tell_entities_of(user: User) -> None:
    for entity_id in sorted(user.granted_entity_ids()):
        authority_changed(entity_id)


def _follow_staff_status(user: User) -> None:
    """The admin opens for those roles that work there, and for no others.

    Args:
        user: freshly read and locked, so that his roles are read after the change.
    """
    is_staff = user.is_superuser or bool(user.roles_on() & _STAFF_ROLES)
    if is_staff != user.is_staff:
        user.is_staff = is_staff
        user.save(update_fields=["is_staff"])


def _require_strong(password: str, user: User) -> None:
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise PasswordTooWeak(" ".join(error.messages), field="password") from None


def _require_clean(instance: Entity | User) -> None:
    try:
        instance.full_clean(validate_unique=False, exclude=["password"])
    except ValidationError as error:
        field, problems = next(iter(error.message_dict.items()))
        raise Invalid(" ".join(problems), field=field) from None
