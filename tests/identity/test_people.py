"""GET /api/identity/me, /users, /entities."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.common.roles import ROLES
from apps.identity.holders import holders


def test_me_says_who_i_am_and_what_i_may_where(
    api: Any, person: Any, entity: Any, other_entity: Any, system: Any
) -> None:
    from apps.identity.services import grant_role

    bea = person("bea", "preparer", "reviewer", on=entity)
    grant_role(user_id=bea.pk, role="auditor", entity_id=other_entity.pk, actor=system)
    seen = api(bea.__class__.objects.get(pk=bea.pk)).get("/api/identity/me").json()
    assert (seen["username"], seen["email"], seen["is_active"]) == ("bea", "bea@example.com", True)
    assert [(one["code"], one["roles"]) for one in seen["entities"]] == [
        ("HFS", ["preparer", "reviewer"]),
        ("TKO", ["auditor"]),
    ]
    ours, theirs = seen["entities"]
    assert "approvals.request_approval" in ours["permissions"]
    assert "approvals.request_approval" not in theirs["permissions"]
    assert "audit.view_events" in theirs["permissions"]
    assert seen["permissions"] == sorted({*ours["permissions"], *theirs["permissions"]})
    assert "password" not in str(seen)


def test_who_has_no_role_sees_that_he_has_none(api: Any, victor: Any) -> None:
    seen = api(victor).get("/api/identity/me").json()
    assert (seen["entities"], seen["permissions"]) == ([], [])


def test_a_superuser_may_everything_everywhere(api: Any, system: Any, entity: Any) -> None:
    seen = api(system).get("/api/identity/me").json()
    assert seen["permissions"] == sorted(holders())
    assert seen["entities"][0]["permissions"] == sorted(holders())
    assert seen["entities"][0]["roles"] == []


@pytest.mark.parametrize("path", ["me", "users", "entities", "users/1", "entities/1"])
def test_strangers_see_nothing(api: Any, entity: Any, path: str) -> None:
    answer = api().get(f"/api/identity/{path}")
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "NOT_AUTHENTICATED"


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("users", {"connie", "otto", "ada"}),
        ("entities", {"alice", "rita", "bob", "connie", "otto", "ada"}),
    ],
)
def test_lists_are_for_those_who_may_view_them(
    request: pytest.FixtureRequest, api: Any, path: str, allowed: set[str]
) -> None:
    cast = ("alice", "rita", "bob", "connie", "otto", "ada", "ivy", "victor")
    answers = {
        name: api(request.getfixturevalue(name)).get(f"/api/identity/{path}") for name in cast
    }
    assert {name for name, answer in answers.items() if answer.status_code == 200} == allowed
    assert {answers[name].status_code for name in cast if name not in allowed} == {403}


def test_one_sees_the_entities_on_which_one_has_a_role(
    api: Any, alice: Any, charlie: Any, entity: Any, other_entity: Any
) -> None:
    assert [one["code"] for one in api(alice).get("/api/identity/entities").json()["results"]] == [
        "HFS"
    ]
    assert api(charlie).get(f"/api/identity/entities/{entity.pk}").status_code == 404
    seen = api(charlie).get(f"/api/identity/entities/{other_entity.pk}").json()
    assert (seen["code"], seen["functional_currency"]) == ("TKO", "JPY")


def test_users_are_shown_with_their_roles_on_the_entities_that_one_sees(
    api: Any, ada: Any, alice: Any, charlie: Any
) -> None:
    results = api(ada).get("/api/identity/users").json()["results"]
    grants = {one["username"]: one["grants"] for one in results}
    assert grants["alice"] == [{"entity": "HFS", "role": "preparer"}]
    assert grants["charlie"] == []  # his roles are in another entity
    assert "password" not in str(results)


def test_users_are_found_by_role_and_state(
    api: Any, ada: Any, alice: Any, bob: Any, rita: Any
) -> None:
    from apps.identity.services import deactivate_user

    deactivate_user(user_id=rita.pk, actor=ada)

    def names(query: str) -> list[str]:
        found = api(ada).get(f"/api/identity/users?{query}").json()["results"]
        return sorted(one["username"] for one in found)

    assert names("role=approver") == ["bob"]
    assert names("is_active=false") == ["rita"]
    assert names("username=alice") == ["alice"]


def test_the_list_of_users_takes_the_same_queries_whatever_its_length(
    api: Any, ada: Any, person: Any, entity: Any
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as seen:
            answer = api(ada.__class__.objects.get(pk=ada.pk)).get("/api/identity/users")
        assert answer.status_code == 200
        return len(seen)

    before = queries()
    for number in range(12):
        person(f"temp{number}", *ROLES[:3], on=entity)
    assert queries() == before


@pytest.mark.parametrize("path", ["users", "entities", "me"])
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nothing_is_changed_here(
    api: Any, ada: Any, unchanged: None, path: str, method: str
) -> None:
    answer = getattr(api(ada), method)(f"/api/identity/{path}", {}, format="json")
    assert answer.status_code == 405
