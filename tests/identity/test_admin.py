"""People, entities and roles in the admin: a window whose changes go through the services."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from apps.audit.models import Event
from apps.identity.models import Entity, EntityUserObjectPermission, User

USERS = "admin:identity_user"
GRANTS = "admin:identity_entityuserobjectpermission"
ENTITIES = "admin:identity_entity"
NINA = {
    "username": "nina",
    "email": "nina@example.com",
    "first_name": "Nina",
    "last_name": "Berg",
    "password": "",
}


def signed_in(user: Any) -> Client:
    visitor = Client(raise_request_exception=False)
    visitor.force_login(user)
    return visitor


def errors_of(page: Any) -> dict[str, list[str]]:
    return dict(page.context["adminform"].form.errors)


def told(answer: Any) -> list[str]:
    return [str(message) for message in get_messages(answer.wsgi_request)]


def act(visitor: Client, page: str, action: str, *rows: Any) -> Any:
    content = {"action": action, "_selected_action": [row.pk for row in rows]}
    return visitor.post(reverse(f"{page}_changelist"), content)


def test_the_admin_is_entered_by_the_common_sign_in(db: None) -> None:
    answer = Client().get("/admin/login/?next=/admin/identity/user/")
    assert answer["Location"] == "/accounts/login/?next=%2Fadmin%2Fidentity%2Fuser%2F"
    posted = Client().post("/admin/login/", {"username": "ada", "password": "x"})
    assert posted["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize("who", ["alice", "bob", "ivy", "victor"])
def test_the_admin_is_closed_to_who_does_not_work_there(
    request: pytest.FixtureRequest, who: str
) -> None:
    visitor = signed_in(request.getfixturevalue(who))
    assert visitor.get("/admin/", follow=True).status_code == 403


@pytest.mark.parametrize(
    ("who", "address", "status"),
    [
        ("ada", f"{USERS}_changelist", 200),
        ("connie", f"{USERS}_changelist", 200),
        ("otto", f"{USERS}_changelist", 200),
        ("ada", f"{USERS}_add", 200),
        ("connie", f"{USERS}_add", 403),
        ("otto", f"{USERS}_add", 403),
        ("ada", f"{GRANTS}_changelist", 200),
        ("otto", f"{GRANTS}_changelist", 200),
        ("ada", f"{GRANTS}_add", 200),
        ("connie", f"{GRANTS}_add", 403),
        ("ada", f"{ENTITIES}_changelist", 200),
        ("ada", f"{ENTITIES}_add", 200),
        ("connie", f"{ENTITIES}_add", 200),
        ("otto", f"{ENTITIES}_changelist", 200),
        ("otto", f"{ENTITIES}_add", 403),
    ],
)
def test_who_may_open_what(
    request: pytest.FixtureRequest, who: str, address: str, status: int
) -> None:
    visitor = signed_in(request.getfixturevalue(who))
    assert visitor.get(reverse(address)).status_code == status


def test_nothing_of_this_is_edited_or_deleted(ada: Any, alice: Any, unchanged: None) -> None:
    visitor = signed_in(ada)
    grant = EntityUserObjectPermission.objects.get(user=alice)
    for page, row in ((USERS, alice), (GRANTS, grant), (ENTITIES, grant.content_object)):
        assert visitor.get(reverse(f"{page}_change", args=[row.pk])).status_code == 200
        changed = visitor.post(reverse(f"{page}_change", args=[row.pk]), {"username": "eve"})
        assert changed.status_code == 403
        assert visitor.post(reverse(f"{page}_delete", args=[row.pk])).status_code == 403


@pytest.mark.parametrize("path", ["auth/group", "account/emailaddress", "mfa/authenticator"])
def test_there_is_no_way_past_the_services(ada: Any, path: str) -> None:
    User.objects.filter(pk=ada.pk).update(is_superuser=True)
    assert signed_in(ada).get(f"/admin/{path}/").status_code == 404


# --- Users ----------------------------------------------------------------------------------


def test_an_administrator_adds_a_user(ada: Any) -> None:
    answer = signed_in(ada).post(reverse(f"{USERS}_add"), NINA)
    made = User.objects.get(username="nina")
    assert answer.status_code == 302
    assert (made.get_full_name(), made.has_usable_password()) == ("Nina Berg", False)
    assert Event.objects.filter(action="identity.user.create", actor=ada).count() == 1


def test_a_first_password_may_be_given(ada: Any) -> None:
    content = NINA | {"password": "a-password-for-nina"}
    assert signed_in(ada).post(reverse(f"{USERS}_add"), content).status_code == 302
    assert User.objects.get(username="nina").check_password("a-password-for-nina")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"username": "ALICE"}, "__all__"),
        ({"email": "alice@example.com"}, "__all__"),
        ({"email": "nowhere"}, "email"),
        ({"username": ""}, "username"),
        ({"username": "with space"}, "username"),
        ({"password": "short"}, "password"),
    ],
)
def test_a_refused_user_is_a_form_error(
    ada: Any, alice: Any, changes: dict[str, str], field: str
) -> None:
    users, events = User.objects.count(), Event.objects.count()
    page = signed_in(ada).post(reverse(f"{USERS}_add"), NINA | changes)
    assert page.status_code == 200
    assert list(errors_of(page)) == [field]
    assert (User.objects.count(), Event.objects.count()) == (users, events)


def test_the_page_of_a_user_shows_his_roles_and_no_password(ada: Any, alice: Any) -> None:
    page = signed_in(ada).get(reverse(f"{USERS}_change", args=[alice.pk])).content.decode()
    assert "Harbour Field Services: preparer" in page
    assert f"{reverse(f'{GRANTS}_add')}?user={alice.pk}" in page
    assert alice.password not in page


def test_roles_elsewhere_are_not_shown(
    connie: Any, alice: Any, system: Any, other_entity: Any
) -> None:
    from apps.identity.services import grant_role

    grant_role(user_id=alice.pk, role="auditor", entity_id=other_entity.pk, actor=system)
    page = signed_in(connie).get(reverse(f"{USERS}_change", args=[alice.pk])).content.decode()
    assert "Harbour Field Services: preparer" in page
    assert "Tokyo Orchards" not in page
    assert "Grant a role" not in page  # a controller looks only


def test_users_are_deactivated_and_reactivated_line_by_line(
    ada: Any, alice: Any, charlie: Any
) -> None:
    answer = act(signed_in(ada), USERS, "deactivate", alice, ada, charlie)
    assert "1 deactivated." in told(answer)
    assert sum("You cannot deactivate yourself" in one for one in told(answer)) == 1
    assert sum("an entity whose users you do not manage" in one for one in told(answer)) == 1
    active = User.objects.filter(is_active=True)
    assert set(active.values_list("username", flat=True)) == {"ada", "charlie", "finflow"}
    assert told(act(signed_in(ada), USERS, "reactivate", alice)) == ["1 reactivated."]
    assert User.objects.get(pk=alice.pk).is_active


def test_actions_are_for_those_who_manage_users(connie: Any, alice: Any) -> None:
    act(signed_in(connie), USERS, "deactivate", alice)
    assert User.objects.get(pk=alice.pk).is_active


# --- Roles ----------------------------------------------------------------------------------


def test_a_role_is_granted_and_revoked(ada: Any, victor: Any, entity: Any) -> None:
    visitor = signed_in(ada)
    content = {"user": victor.pk, "content_object": entity.pk, "role": "approver"}
    assert visitor.post(reverse(f"{GRANTS}_add"), content).status_code == 302
    assert User.objects.get(pk=victor.pk).roles_on(entity.pk) == {"approver"}
    grant = EntityUserObjectPermission.objects.get(user=victor)
    assert told(act(visitor, GRANTS, "revoke", grant))[-1] == "1 revoked."
    assert User.objects.get(pk=victor.pk).roles_on() == frozenset()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"role": "preparer"}, "__all__"),
        ({"role": "king"}, "role"),
        ({"content_object": "other"}, "content_object"),
        ({"user": "0"}, "user"),
    ],
)
def test_a_refused_role_is_a_form_error(
    ada: Any,
    alice: Any,
    entity: Any,
    other_entity: Any,
    changes: dict[str, Any],
    field: str,
) -> None:
    content = {"user": alice.pk, "content_object": entity.pk, "role": "approver"} | changes
    if content["content_object"] == "other":
        content["content_object"] = other_entity.pk
    grants = EntityUserObjectPermission.objects.count()
    page = signed_in(ada).post(reverse(f"{GRANTS}_add"), content)
    assert page.status_code == 200
    assert list(errors_of(page)) == [field]
    assert EntityUserObjectPermission.objects.count() == grants


def test_grants_elsewhere_are_not_shown(ada: Any, alice: Any, charlie: Any) -> None:
    page = signed_in(ada).get(reverse(f"{GRANTS}_changelist"))
    assert {grant.user.username for grant in page.context["cl"].queryset} == {"ada", "alice"}
    theirs = EntityUserObjectPermission.objects.filter(user=charlie).first()
    assert theirs is not None
    act(signed_in(ada), GRANTS, "revoke", theirs)
    assert EntityUserObjectPermission.objects.filter(pk=theirs.pk).exists()


# --- Entities -------------------------------------------------------------------------------


def test_an_entity_is_registered(connie: Any) -> None:
    content = {
        "code": "OSL",
        "name": "Oslo Office",
        "country": "NO",
        "functional_currency": "NOK",
        "time_zone": "Europe/Oslo",
    }
    visitor = signed_in(connie)
    page = visitor.post(reverse(f"{ENTITIES}_add"), content | {"time_zone": "Europe/Atlantis"})
    assert list(errors_of(page)) == ["time_zone"]
    page = visitor.post(reverse(f"{ENTITIES}_add"), content | {"code": "HFS"})
    assert list(errors_of(page)) == ["code"]
    assert visitor.post(reverse(f"{ENTITIES}_add"), content).status_code == 302
    assert Entity.objects.get(code="OSL").functional_currency == "NOK"
    page = visitor.get(reverse(f"{ENTITIES}_changelist"))
    assert {entity.code for entity in page.context["cl"].queryset} == {"HFS", "OSL"}
