"""Signing in on pages, the start page, the entity in view, and what a wrong address shows."""

from __future__ import annotations

from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.test import Client
from django.urls import reverse

from apps.audit.models import Event
from apps.identity.context import entity_in_view
from apps.identity.models import User
from tests.identity.conftest import code_of, password_of

LOGIN = "/accounts/login/"


@pytest.fixture
def visitor() -> Client:
    return Client(raise_request_exception=False)


def fill_in(visitor: Client, user: Any, **changes: str) -> Any:
    content = {"login": user.username, "password": password_of(user)} | changes
    return visitor.post(LOGIN, content)


def again(user: Any) -> Any:
    return User.objects.get(pk=user.pk)


# --- Signing in -----------------------------------------------------------------------------


def test_signing_in_leads_to_where_one_wanted_to_go(visitor: Client, alice: Any) -> None:
    refused = visitor.get("/")
    assert (refused.status_code, refused["Location"]) == (302, f"{LOGIN}?next=/")
    page = visitor.get(refused["Location"])
    assert "<h1>Sign in</h1>" in page.content.decode()
    answer = visitor.post(
        f"{LOGIN}?next=/admin/", {"login": "alice", "password": password_of(alice)}
    )
    assert (answer.status_code, answer["Location"]) == (302, "/admin/")


def test_nobody_is_led_out_of_the_site(visitor: Client, alice: Any) -> None:
    answer = visitor.post(
        f"{LOGIN}?next=https://evil.example/", {"login": "alice", "password": password_of(alice)}
    )
    assert answer["Location"] == "/"


def test_the_session_gets_a_new_key(visitor: Client, alice: Any) -> None:
    session = visitor.session
    session["seen"] = "before"
    session.save()
    before = session.session_key
    fill_in(visitor, alice)
    assert visitor.session.session_key != before
    assert not visitor.session.exists(before)


@pytest.mark.django_db(transaction=True)
def test_signing_in_and_out_commits_and_goes_on_record(visitor: Client, alice: Any) -> None:
    assert fill_in(visitor, alice).status_code == 302
    assert again(alice).last_login is not None
    assert visitor.post("/accounts/logout/").status_code == 302
    assert visitor.get("/")["Location"] == f"{LOGIN}?next=/"
    actions = Event.objects.filter(actor=alice).order_by("id").values_list("action", flat=True)
    assert list(actions) == ["identity.session.open", "identity.session.close"]


def test_a_wrong_password_is_a_form_error(visitor: Client, alice: Any) -> None:
    answer = fill_in(visitor, alice, password="wrong")
    assert answer.status_code == 200
    assert 'role="alert"' in answer.content.decode()
    assert "sessionid" not in answer.cookies


def test_the_fifth_failure_shows_how_long_to_wait(visitor: Client, alice: Any) -> None:
    answers = [fill_in(visitor, alice, password="wrong") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200] * 4 + [429]
    page = fill_in(visitor, alice)
    assert page.status_code == 429
    assert "Try again in 15 min" in page.content.decode()
    assert page["Retry-After"] == "900"


def test_failures_over_rest_and_on_pages_add_up(visitor: Client, outside: Any, alice: Any) -> None:
    for _ in range(3):
        fill_in(visitor, alice, password="wrong")
    content = {"email": "alice@example.com", "password": "wrong"}
    answers = [outside.post("/auth/login", content, format="json") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [401, 429]
    assert fill_in(visitor, alice).status_code == 429


def test_the_second_factor_is_asked_for(visitor: Client, alice: Any) -> None:
    secret = generate_totp_secret()
    TOTP.activate(alice, secret)
    answer = fill_in(visitor, alice)
    assert answer["Location"] == reverse("mfa_authenticate")
    assert visitor.get("/")["Location"] == f"{LOGIN}?next=/"
    wrong = visitor.post(reverse("mfa_authenticate"), {"code": "abcdef"})
    assert wrong.status_code == 200
    answer = visitor.post(reverse("mfa_authenticate"), {"code": code_of(secret)})
    assert answer["Location"] == "/"
    assert visitor.get("/")["Location"] == "/api/identity/entities"


def test_a_deactivated_user_reads_that_he_is(visitor: Client, alice: Any) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert fill_in(visitor, alice)["Location"] == "/accounts/inactive/"
    assert visitor.get("/accounts/inactive/").status_code == 200


def test_nobody_registers_himself(visitor: Client, db: None, table_counts: Any) -> None:
    before = table_counts()
    content = {
        "email": "x@example.com",
        "username": "xavier",
        "password1": "a-password-of-my-own",
        "password2": "a-password-of-my-own",
    }
    assert visitor.post("/accounts/signup/", content).status_code == 200
    assert not User.objects.filter(username="xavier").exists()
    assert table_counts() == before


# --- One's own account ----------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_changing_the_password_signs_out_everywhere(alice: Any) -> None:
    here, there = Client(), Client()
    for one in (here, there):
        fill_in(one, alice)
    content = {
        "oldpassword": password_of(alice),
        "password1": "another-good-password",
        "password2": "another-good-password",
    }
    answer = here.post("/accounts/password/change/", content)
    assert answer.status_code == 302
    assert here.get("/")["Location"] == f"{LOGIN}?next=/"
    assert there.get("/")["Location"] == f"{LOGIN}?next=/"
    assert again(alice).check_password("another-good-password")
    assert Event.objects.filter(action="identity.password.change").count() == 1


@pytest.mark.django_db(transaction=True)
def test_setting_up_and_removing_the_second_factor_is_on_record(
    visitor: Client, alice: Any
) -> None:
    fill_in(visitor, alice)
    shown = visitor.post("/accounts/reauthenticate/", {"password": password_of(alice)})
    assert shown.status_code == 302
    assert visitor.get(reverse("mfa_activate_totp")).status_code == 200
    secret = visitor.session["mfa.totp.secret"]
    answer = visitor.post(reverse("mfa_activate_totp"), {"code": code_of(secret)})
    assert answer.status_code == 302
    assert visitor.post(reverse("mfa_deactivate_totp")).status_code == 302
    assert not Authenticator.objects.exists()
    recorded = Event.objects.filter(action__startswith="identity.second_factor.")
    assert sorted((event.action.split(".")[-1], event.details["kind"]) for event in recorded) == [
        ("add", "recovery_codes"),
        ("add", "totp"),
        ("remove", "recovery_codes"),
        ("remove", "totp"),
    ]


@pytest.mark.parametrize(
    "name",
    [
        "account_login",
        "account_reset_password",
        "account_reset_password_done",
        "account_reset_password_from_key_done",
        "account_inactive",
        "account_signup",
    ],
)
def test_pages_for_everybody_open(visitor: Client, db: None, name: str) -> None:
    page = visitor.get(reverse(name))
    assert page.status_code == 200
    assert page.content.decode().count("<h1") == 1


@pytest.mark.parametrize(
    "name", ["account_logout", "account_change_password", "mfa_index", "account_reauthenticate"]
)
def test_pages_about_oneself_open_for_whoever_is_signed_in(
    visitor: Client, alice: Any, name: str
) -> None:
    assert visitor.get(reverse(name)).status_code == 302
    visitor.force_login(alice)
    page = visitor.get(reverse(name))
    assert page.status_code == 200
    assert page.content.decode().count("<h1") == 1


@pytest.mark.parametrize("path", ["/accounts/", "/accounts/email/"])
def test_an_address_is_not_changed_on_a_page(visitor: Client, alice: Any, path: str) -> None:
    visitor.force_login(alice)
    page = visitor.post("/accounts/email/", {"email": "x@example.com", "action_add": ""})
    assert page["Location"] == reverse("mfa_index")
    assert visitor.get(path, follow=True).redirect_chain[-1][0] == reverse("mfa_index")
    assert again(alice).email == "alice@example.com"


# --- The start page -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "target"),
    [
        ("connie", "/api/identity/me"),
        ("alice", "/api/identity/entities"),
        ("otto", "/api/identity/entities"),
        ("ada", "/admin/"),
    ],
)
def test_the_start_page_leads_to_the_first_page_that_one_may_open(
    request: pytest.FixtureRequest, visitor: Client, who: str, target: str
) -> None:
    visitor.force_login(request.getfixturevalue(who))
    answer = visitor.get("/")
    assert (answer.status_code, answer["Location"]) == (302, target)


@pytest.mark.parametrize(
    ("who", "words"), [("victor", "You have no role yet"), ("ivy", "programming interface")]
)
def test_who_has_no_page_reads_what_to_do(
    request: pytest.FixtureRequest, visitor: Client, who: str, words: str
) -> None:
    visitor.force_login(request.getfixturevalue(who))
    page = visitor.get("/")
    assert page.status_code == 200
    assert words in page.content.decode()


# --- The entity in view ---------------------------------------------------------------------


@pytest.fixture
def bea(person: Any, system: Any, entity: Any, other_entity: Any) -> Any:
    """Prepares in two entities."""
    from apps.identity.services import grant_role

    made = person("bea", "integration", on=entity)
    grant_role(user_id=made.pk, role="integration", entity_id=other_entity.pk, actor=system)
    return again(made)


def in_view(visitor: Client) -> Any:
    """What pages of this visitor are about."""
    page = visitor.get("/")
    return entity_in_view(page.wsgi_request)


def choose(visitor: Client, code: str, **content: str) -> Any:
    return visitor.post(reverse("identity:view-entity", query={"code": code}), content)


def test_who_has_one_entity_has_it_in_view_and_no_choice(
    visitor: Client, ivy: Any, entity: Any
) -> None:
    visitor.force_login(ivy)
    assert in_view(visitor) == entity
    page = visitor.get("/").content.decode()
    assert "Harbour Field Services" in page
    assert 'id="entity-menu"' not in page


def test_who_has_several_chooses_and_the_choice_stays(
    visitor: Client, bea: Any, other_entity: Any
) -> None:
    visitor.force_login(bea)
    assert in_view(visitor) is None
    answer = choose(visitor, "TKO", next="/accounts/2fa/")
    assert answer["Location"] == "/accounts/2fa/"
    assert in_view(visitor) == other_entity
    page = visitor.get("/").content.decode()
    assert page.count('aria-current="true"') == 1
    assert choose(visitor, "")["Location"] == "/"
    assert in_view(visitor) is None


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:x"])
def test_choosing_leads_nowhere_else(visitor: Client, bea: Any, target: str) -> None:
    visitor.force_login(bea)
    assert choose(visitor, "TKO", next=target)["Location"] == "/"


def test_an_entity_that_one_does_not_see_cannot_be_chosen(
    visitor: Client, ivy: Any, entity: Any, other_entity: Any
) -> None:
    visitor.force_login(ivy)
    for code in ("TKO", "XXX"):
        assert choose(visitor, code).status_code == 404
    assert in_view(visitor) == entity


def test_the_choice_ends_with_the_role(
    visitor: Client, bea: Any, system: Any, other_entity: Any, entity: Any
) -> None:
    from apps.identity.services import revoke_role

    visitor.force_login(bea)
    choose(visitor, "TKO")
    revoke_role(user_id=bea.pk, role="integration", entity_id=other_entity.pk, actor=system)
    assert in_view(visitor) == entity


def test_choosing_needs_a_post_and_a_session(visitor: Client, bea: Any) -> None:
    assert choose(visitor, "TKO").status_code == 302
    visitor.force_login(bea)
    assert visitor.get(reverse("identity:view-entity", query={"code": "TKO"})).status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(bea)
    assert choose(strict, "TKO").status_code == 403
    assert in_view(strict) is None


# --- Wrong addresses ------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/nowhere/", "/accounts/nowhere/"])
def test_a_wrong_address_shows_a_page_with_the_request(
    visitor: Client, db: None, path: str
) -> None:
    page = visitor.get(path)
    assert page.status_code == 404
    assert "There is nothing here" in page.content.decode()
    assert "<code>" in page.content.decode()


@pytest.mark.parametrize("path", ["/api/nowhere", "/auth/nowhere"])
def test_a_wrong_address_of_rest_gives_the_envelope(visitor: Client, db: None, path: str) -> None:
    answer = visitor.get(path)
    assert answer.status_code == 404
    error = answer.json()["error"]
    assert error["code"] == "NOT_FOUND"
    assert error["request_id"]
