"""`bin/finflow add_administrator`: how the first person comes in."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.audit.models import Event
from apps.identity.models import Entity, User
from apps.identity.permissions import MANAGE_USERS

pytestmark = pytest.mark.django_db

PASSWORD = "a-long-enough-password"
NEW = ["--name", "Acme B.V.", "--country", "NL", "--currency", "EUR"]
ZONE = ["--time-zone", "Europe/Amsterdam"]


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What comes on standard input."""

    def type_(text: str) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO(text))

    type_(PASSWORD + "\n")
    return type_


def add(*words: str) -> str:
    out = io.StringIO()
    call_command("add_administrator", *words, stdout=out)
    return out.getvalue()


def test_the_first_person_and_the_first_entity(system: Any, typed: Any) -> None:
    said = add("ada", "Ada@example.com", "ACME", *NEW, *ZONE)

    ada = User.objects.get(username="ada")
    acme = Entity.objects.get(code="ACME")
    assert said == "ada is administrator of ACME.\n"
    assert ada.check_password(PASSWORD)
    assert ada.email == "ada@example.com"
    assert ada.is_staff
    assert not ada.is_superuser
    assert ada.may(MANAGE_USERS, acme.pk)
    actions = list(Event.objects.order_by("id").values_list("action", flat=True))
    assert actions[-3:] == [
        "identity.entity.register",
        "identity.user.create",
        "identity.role.grant",
    ]


def test_somebody_known_becomes_administrator_of_a_known_entity(
    system: Any, victor: Any, entity: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", None)  # no password is asked for

    add("victor", "victor@example.com", "HFS")

    assert User.objects.get(pk=victor.pk).may(MANAGE_USERS, entity.pk)


def test_on_a_terminal_the_password_is_not_shown(
    system: Any, entity: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    asked: list[str] = []
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr(
        "apps.identity.management.commands.add_administrator.getpass",
        lambda prompt: asked.append(prompt) or PASSWORD,
    )

    add("ada", "ada@example.com", "HFS")

    assert asked == ["Password: "]
    assert User.objects.get(username="ada").check_password(PASSWORD)


@pytest.mark.parametrize(
    ("password", "words", "said"),
    [
        pytest.param("short", ["HFS"], "too short", id="weak password"),
        pytest.param(PASSWORD, ["ACME"], "give --name, --country, --currency", id="no entity"),
        pytest.param(PASSWORD, ["ACME", *NEW], "give --time-zone", id="half an entity"),
        pytest.param(
            PASSWORD, ["ACME", *NEW, "--time-zone", "Moon/Base"], "not an IANA", id="bad zone"
        ),
    ],
)
def test_what_is_not_acceptable_changes_nothing(
    system: Any,
    entity: Any,
    typed: Any,
    unchanged: None,
    password: str,
    words: list[str],
    said: str,
) -> None:
    typed(password + "\n")

    with pytest.raises(CommandError, match=said):
        add("ada", "ada@example.com", *words)


def test_who_is_administrator_already_is_told(system: Any, ada: Any, unchanged: None) -> None:
    with pytest.raises(CommandError, match="has this role"):
        add("ada", "ada@example.com", "HFS")
