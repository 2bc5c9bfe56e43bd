"""allauth's own pages, drawn with our elements: signing in, passwords, two factors."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest
from django import forms
from django.template.loader import render_to_string
from django.test import RequestFactory

from tests.ui.gallery_content import SignIn, frame

ENTRANCE = (
    "account/login.html",
    "account/password_reset.html",
    "account/password_reset_done.html",
    "account/password_reset_from_key.html",
    "account/password_reset_from_key_done.html",
    "account/account_inactive.html",
    "account/reauthenticate.html",
    "mfa/authenticate.html",
)
ACCOUNT = (
    "account/logout.html",
    "account/password_change.html",
    "mfa/index.html",
    "mfa/totp/activate_form.html",
    "mfa/totp/deactivate_form.html",
    "mfa/recovery_codes/generate.html",
    "mfa/recovery_codes/index.html",
)


class Code(forms.Form):
    code = forms.CharField(help_text="Six digits.")
    secret = "ABCD EFGH"


def rendered(template: str, **context: Any) -> str:
    form = SignIn() if template == "account/login.html" else Code()
    request = RequestFactory().get("/accounts/?next=/approvals/7")
    known = frame() | {
        "request": request,
        "form": form,
        "MFA_SUPPORTED_TYPES": ["totp", "recovery_codes"],
        "authenticators": {},
        "unused_codes": ["1234 5678", "8765 4321"],
        "can_view_codes": True,
        "totp_svg_data_uri": "data:image/svg+xml;utf8,x",
    }
    return render_to_string(template, known | context, request=None)


@pytest.mark.parametrize("template", [*ENTRANCE, *ACCOUNT])
def test_an_account_page_is_drawn_with_our_elements_and_keeps_the_policy(template: str) -> None:
    html = rendered(template)
    assert html.count("<h1") == 1
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=", html)
    inline = re.findall(r"<script(?![^>]*(?:src=|application/json))[^>]*>", html)
    assert inline == []
    buttons = re.findall(r"<button[^>]*>", html)
    assert all('class="' in button for button in buttons)


@pytest.mark.parametrize("template", ENTRANCE)
def test_who_is_not_yet_signed_in_sees_no_menu(template: str) -> None:
    assert 'id="main-menu"' not in rendered(template)
    assert "page--narrow" in rendered(template)


@pytest.mark.parametrize("template", ACCOUNT)
def test_who_is_signed_in_keeps_the_menu(template: str) -> None:
    assert 'id="main-menu"' in rendered(template)


def test_signing_in_keeps_where_one_wanted_to_go() -> None:
    html = rendered("account/login.html")
    form = re.findall(r"<form[^>]*>", html)[0]
    assert "action" not in form  # posts to this address, ?next=... included
    assert "Username or e-mail" in html


def test_the_second_factor_shows_its_help_and_errors() -> None:
    html = rendered("mfa/authenticate.html", form=Code({}))
    assert 'aria-describedby="id_code_helptext id_code_error"' in html
    assert 'role="alert"' in html


def test_the_secret_can_be_reached_and_copied_by_keyboard() -> None:
    html = rendered("mfa/totp/activate_form.html")
    secret = re.findall(r"<input[^>]*authenticator_secret[^>]*>", html)[0]
    assert "readonly" in secret
    assert "disabled" not in secret
    assert 'src="data:image/svg+xml;utf8,x"' in html


def test_recovery_codes_are_listed_one_a_line() -> None:
    assert "1234 5678\n8765 4321" in rendered("mfa/recovery_codes/index.html")


def test_a_dead_reset_link_offers_a_new_one() -> None:
    html = rendered("account/password_reset_from_key.html", token_fail=True)
    assert "This link has expired" in html
    assert "Send a new link" in html


def test_buttons_look_like_what_they_do() -> None:
    authenticators = SimpleNamespace(totp=True, webauthn=[], recovery_codes=None)
    html = rendered("mfa/index.html", authenticators=authenticators)
    assert re.search(r'class="button button--danger"[^>]*>\s*Deactivate', html)
