"""The demo people: who they are, and the passwords that only this installation has."""

from __future__ import annotations

import base64
import hashlib
import hmac

from django.conf import settings

from apps.identity.models import Entity, User
from apps.identity.services import create_user, grant_role
from apps.practice.fixtures import read


def password_of(username: str) -> str:
    """The demo user's password: derived from the installation's secret, stored nowhere."""
    key = str(settings.SECRET_KEY).encode()
    digest = hmac.new(key, f"practice {username}".encode(), hashlib.sha256).digest()
    return "-".join(
        base64.b32encode(digest[start : start + 5]).decode().lower()[:5] for start in (0, 5, 10)
    )


def add_people(entity: Entity, actor: User) -> list[User]:
    """Create the demo users with their role on the entity."""
    people = []
    for person in read("users.json")["users"]:
        user = create_user(
            username=person["username"],
            email=person["email"],
            first_name=person["first_name"],
            last_name=person["last_name"],
            password=password_of(person["username"]),
            actor=actor,
        )
        grant_role(user_id=user.pk, role=person["role"], entity_id=entity.pk, actor=actor)
        people.append(user)
    return people
