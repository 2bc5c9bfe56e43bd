"""What must be there before the first user: the role groups and the system user."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.hashers import make_password
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group
from django.db import transaction

from apps.audit.services import record
from apps.common.roles import ROLES
from apps.identity.models import SYSTEM_USERNAME, User


@transaction.atomic
def lay_groundwork(*, app_config: Any, using: str = "default", **kwargs: Any) -> None:
    """After migrate: make the groups, the roles' permissions and the system user, once."""
    create_permissions(app_config, using=using, verbosity=0)
    for role in ROLES:
        Group.objects.using(using).get_or_create(name=role)
    if not User.objects.using(using).filter(username=SYSTEM_USERNAME).exists():
        system = User(
            username=SYSTEM_USERNAME,
            email="system@finflow.invalid",
            first_name="FinFlow",
            password=make_password(None),
            is_superuser=True,
        )
        system.save(using=using)
        record(actor=system, action="identity.user.create", subject=system)
