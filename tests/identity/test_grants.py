"""Roles are given and taken by entity; entities and users are made by those who may."""

from __future__ import annotations

from typing import Any

import pytest

from apps.audit.models import Event
from apps.common.errors import IllegalMove, Invalid, NotPermitted, NotVisible, Refusal
from apps.identity import services
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
from apps.identity.models import Entity, User
from apps.identity.selectors import (
    entity_by_code,
    grants_seen_by,
    people_who_may,
    people_with_role,
    user_named,
)

PLACE = {
    "code": "OSL",
    "name": "Oslo Office",
    "country": "NO",
    "functional_currency": "NOK",
    "time_zone": "Europe/Oslo",
}


def again(user: Any) -> Any:
    """The user as the next request sees him."""
    return User.objects.get(pk=user.pk)


def test_a_role_opens_what_it_holds_there_and_nowhere_else(
    ada: Any, victor: Any, entity: Any, other_entity: Any
) -> None:
    services.grant_role(user_id=victor.pk, role="auditor", entity_id=entity.pk, actor=ada)
    now = again(victor)
    assert now.may("audit.view_events", entity.pk)
    assert not now.may("audit.view_events", other_entity.pk)
    assert not now.may("identity.manage_users", entity.pk)
    assert now.is_staff  # auditors work in the admin
    assert [group.name for group in now.groups.all()] == ["auditor"]
    services.revoke_role(user_id=victor.pk, role="auditor", entity_id=entity.pk, actor=ada)
    now = again(victor)
    assert not now.may("audit.view_events")
    assert not now.is_staff
    assert not now.groups.exists()
    actions = Event.objects.filter(subject_id=str(victor.pk)).order_by("id")
    assert [event.action for event in actions][-2:] == [
        "identity.role.grant",
        "identity.role.revoke",
    ]


def test_a_group_stays_while_the_role_is_held_somewhere(
    system: Any, person: Any, entity: Any, other_entity: Any
) -> None:
    bea = person("bea", "preparer", on=entity)
    services.grant_role(user_id=bea.pk, role="preparer", entity_id=other_entity.pk, actor=system)
    services.revoke_role(user_id=bea.pk, role="preparer", entity_id=entity.pk, actor=system)
    assert [group.name for group in again(bea).groups.all()] == ["preparer"]


@pytest.mark.parametrize(
    ("who", "changes", "refusal"),
    [
        ("connie", {}, NotPermitted),
        ("otto", {}, NotPermitted),
        ("bob", {}, NotPermitted),
        ("victor", {}, NotVisible),
        ("charlie", {}, NotVisible),  # administrator of another entity
        ("ada", {"entity_id": "other"}, NotVisible),
        ("ada", {"entity_id": 0}, NotVisible),
        ("ada", {"user_id": 0}, NotVisible),
        ("ada", {"role": "king"}, RoleUnknown),
        ("ada", {"role": "preparer"}, RoleAlreadyGranted),
    ],
)
def test_refused_grants_change_nothing(
    request: pytest.FixtureRequest,
    alice: Any,
    entity: Any,
    other_entity: Any,
    table_counts: Any,
    who: str,
    changes: dict[str, Any],
    refusal: type[Refusal],
) -> None:
    actor = request.getfixturevalue(who)
    wanted = {"user_id": alice.pk, "role": "approver", "entity_id": entity.pk} | changes
    if wanted["entity_id"] == "other":
        wanted["entity_id"] = other_entity.pk
    before = table_counts()
    with pytest.raises(refusal):
        services.grant_role(**wanted, actor=actor)
    assert table_counts() == before
    assert again(alice).roles_on(entity.pk) == {"preparer"}


@pytest.mark.parametrize(
    ("who", "role", "refusal"),
    [
        ("charlie", "preparer", NotVisible),
        ("connie", "preparer", NotPermitted),
        ("ada", "approver", RoleNotGranted),
    ],
)
def test_refused_revocations_change_nothing(
    request: pytest.FixtureRequest,
    alice: Any,
    entity: Any,
    who: str,
    role: str,
    refusal: type[Refusal],
) -> None:
    actor = request.getfixturevalue(who)
    with pytest.raises(refusal):
        services.revoke_role(user_id=alice.pk, role=role, entity_id=entity.pk, actor=actor)
    assert again(alice).roles_on(entity.pk) == {"preparer"}


# --- Deactivating ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "whom", "refusal"),
    [
        ("connie", "alice", NotPermitted),
        ("alice", "bob", NotPermitted),
        ("ada", "ada", NotPermitted),
        ("ada", "system", SystemUserNeeded),
        ("ada", "charlie", UserOfOthers),
        ("charlie", "alice", UserOfOthers),
    ],
)
def test_refused_deactivations_change_nothing(
    request: pytest.FixtureRequest, who: str, whom: str, refusal: type[Refusal]
) -> None:
    actor, user = request.getfixturevalue(who), request.getfixturevalue(whom)
    events = Event.objects.count()
    with pytest.raises(refusal):
        services.deactivate_user(user_id=user.pk, actor=actor)
    assert again(user).is_active
    assert Event.objects.count() == events


def test_a_deactivated_user_may_nothing_until_he_is_reactivated(
    ada: Any, alice: Any, entity: Any
) -> None:
    with pytest.raises(IllegalMove):
        services.reactivate_user(user_id=alice.pk, actor=ada)
    services.deactivate_user(user_id=alice.pk, actor=ada)
    with pytest.raises(IllegalMove):
        services.deactivate_user(user_id=alice.pk, actor=ada)
    assert not again(alice).may("approvals.request_approval", entity.pk)
    assert again(alice).entity_ids() == []
    assert list(people_with_role("preparer", entity_id=entity.pk)) == []
    services.reactivate_user(user_id=alice.pk, actor=ada)
    assert again(alice).may("approvals.request_approval", entity.pk)
    with pytest.raises(NotVisible):
        services.deactivate_user(user_id=0, actor=ada)


# --- Creating -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "changes", "refusal"),
    [
        ("connie", {}, NotPermitted),
        ("victor", {}, NotPermitted),
        ("ada", {"username": "Alice"}, UserExists),
        ("ada", {"email": "ALICE@example.com"}, UserExists),
        ("ada", {"email": "no address"}, Invalid),
        ("ada", {"username": ""}, Invalid),
        ("ada", {"password": "short"}, PasswordTooWeak),
        ("ada", {"password": "zed@example.com"}, PasswordTooWeak),
    ],
)
def test_refused_users_are_not_created(
    request: pytest.FixtureRequest,
    alice: Any,
    table_counts: Any,
    who: str,
    changes: dict[str, Any],
    refusal: type[Refusal],
) -> None:
    actor = request.getfixturevalue(who)
    facts = {"username": "zed", "email": "zed@example.com", "password": None} | changes
    before = table_counts()
    with pytest.raises(refusal):
        services.create_user(**facts, actor=actor)
    assert table_counts() == before


def test_names_and_addresses_are_found_in_any_case(ada: Any) -> None:
    made = services.create_user(username="Zed", email=" Zed@Example.COM ", password=None, actor=ada)
    assert made.email == "zed@example.com"
    assert user_named("zED") == made
    assert user_named("ZED@example.com") == made
    assert user_named("nobody") is None


def test_whoever_registers_an_entity_administers_it(connie: Any, entity: Any) -> None:
    place = services.register_entity(**PLACE, actor=connie)
    now = again(connie)
    assert now.roles_on(place.pk) == {"administrator"}
    assert now.roles_on(entity.pk) == {"controller"}
    assert entity_by_code("OSL") == place
    assert Event.objects.filter(action="identity.entity.register", entity=place).count() == 1


@pytest.mark.parametrize(
    ("who", "changes", "refusal"),
    [
        ("alice", {}, NotPermitted),
        ("otto", {}, NotPermitted),
        ("victor", {}, NotPermitted),
        ("ada", {"code": "HFS"}, EntityExists),
        ("ada", {"functional_currency": "XXQ"}, Invalid),
        ("ada", {"time_zone": "Europe/Atlantis"}, Invalid),
        ("ada", {"country": "NOR"}, Invalid),
        ("ada", {"name": ""}, Invalid),
    ],
)
def test_refused_entities_are_not_registered(
    request: pytest.FixtureRequest,
    entity: Any,
    table_counts: Any,
    who: str,
    changes: dict[str, Any],
    refusal: type[Refusal],
) -> None:
    actor = request.getfixturevalue(who)
    before = table_counts()
    with pytest.raises(refusal):
        services.register_entity(**(PLACE | changes), actor=actor)
    assert table_counts() == before


def test_a_weak_password_is_not_taken(alice: Any) -> None:
    with pytest.raises(PasswordTooWeak):
        services.change_password(password="short", actor=alice)
    assert again(alice).check_password("alice-likes-long-passwords")


def test_people_are_found_by_what_they_may(
    alice: Any, bob: Any, connie: Any, charlie: Any, entity: Any
) -> None:
    assert list(people_who_may("approvals.manage_policies", entity_id=entity.pk)) == [connie]
    assert list(people_with_role("approver", entity_id=entity.pk)) == [bob]
    codes = {grant.content_object.code for grant in grants_seen_by(again(charlie))}
    assert codes == {"TKO"}


def test_unknown_permissions_fail_loudly(alice: Any) -> None:
    with pytest.raises(LookupError):
        alice.may("identity.mannage_users")


def test_the_cast_is_what_it_says(entity: Any, system: Any) -> None:
    assert str(entity) == "HFS"
    assert system.may("anything.at_all")
    assert list(Entity.objects.visible_to(system)) == [entity]
