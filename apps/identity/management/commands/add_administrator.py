"""`bin/finflow add_administrator`: the first person who can sign in, and the entity to begin with.

Everybody else is created by an administrator, on the pages or over REST.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from getpass import getpass
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from apps.common.errors import Refusal
from apps.common.roles import ADMINISTRATOR
from apps.identity.models import Entity, User
from apps.identity.selectors import system_user, user_named
from apps.identity.services import create_user, grant_role, register_entity

_ENTITY_FACTS = ("name", "country", "currency", "time_zone")


class Command(BaseCommand):
    help = "Make somebody administrator of an entity; creates the user and the entity if need be."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Who, of what; the options describe an entity that does not exist yet."""
        parser.add_argument("username", help="what the person signs in with")
        parser.add_argument("email", help="address for links that reset the password")
        parser.add_argument("entity", help="code of the entity, for example HFS")
        parser.add_argument("--name", help="name of a new entity")
        parser.add_argument("--country", help="ISO 3166, two letters: NL")
        parser.add_argument("--currency", help="functional currency, ISO 4217: EUR")
        parser.add_argument("--time-zone", help="IANA name: Europe/Amsterdam")

    def handle(self, *args: Any, **options: Any) -> None:
        system = system_user()
        known = user_named(options["username"])
        password = "" if known else _asked_password()
        try:
            with transaction.atomic():
                entity = _entity(options, system)
                user = known or create_user(
                    username=options["username"],
                    email=options["email"],
                    password=password,
                    actor=system,
                )
                grant_role(user_id=user.pk, role=ADMINISTRATOR, entity_id=entity.pk, actor=system)
        except Refusal as refusal:
            raise CommandError(refusal.words) from refusal
        self.stdout.write(f"{user.username} is administrator of {entity.code}.")


def _entity(options: dict[str, Any], system: User) -> Entity:
    """The entity with the code; a new one if there is none.

    Raises:
        CommandError: it would be new, and its description is not complete.
    """
    known = Entity.objects.filter(code=options["entity"]).first()
    if known is not None:
        return known
    missing = [name for name in _ENTITY_FACTS if not options[name]]
    if missing:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in missing)
        raise CommandError(f"there is no entity {options['entity']}; to create it, give {flags}")
    return register_entity(
        code=options["entity"],
        name=options["name"],
        country=options["country"],
        functional_currency=options["currency"],
        time_zone=options["time_zone"],
        actor=system,
    )


def _asked_password() -> str:
    """From the terminal without showing it; from the first line of input where there is none."""
    if sys.stdin.isatty():
        return getpass("Password: ")
    return sys.stdin.readline().rstrip("\n")
