"""Where allauth asks us: who may register, how often one may try, what goes on record."""

from __future__ import annotations

import base64
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.signals import authenticator_added, authenticator_removed, authenticator_reset
from axes.helpers import get_client_ip_address
from axes.utils import reset as forget_failures
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from apps.audit.services import record
from apps.identity.errors import AccountInactive
from apps.identity.models import User
from apps.identity.selectors import user_named
from apps.identity.services import (
    change_password,
    note_second_factor,
    note_sign_in,
    note_sign_out,
)
from apps.operations.envelope import speaks_json
from apps.privacy.selectors import key_ring

_LABEL = "identity.second_factor"


class AccountAdapter(DefaultAccountAdapter):
    """Accounts: created by administrators, failures counted by django-axes, changes on record."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """The address before the proxies of ours; a header that they did not write is not read."""
        try:
            return str(super().get_client_ip(request))
        except ImproperlyConfigured:  # fewer addresses than proxies: it came around them
            return str(request.META.get("REMOTE_ADDR") or "")

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Failures are counted by django-axes, in the database, and nowhere else."""

    def authenticate(self, request: HttpRequest, **credentials: Any) -> Any:
        """Check a password, for one account under one name.

        Whatever was typed (name or e-mail address, in any case) is looked up first: failures
        are counted by name, and another spelling must not give five more tries.
        """
        typed = str(credentials.get("username") or credentials.get("email") or "")
        known = user_named(typed)
        name = known.username if known is not None else typed.lower()
        with transaction.atomic():
            user = super().authenticate(
                request, username=name, password=credentials.get("password")
            )
            if user is not None and known is not None and user.password != known.password:
                # The hasher has become stronger and Django has just hashed the password anew.
                record(actor=user, action="identity.password.rehash", subject=user)
        return user

    def login(self, request: HttpRequest, user: Any) -> None:
        with transaction.atomic():
            super().login(request, user)
            note_sign_in(actor=user)
            forget_failures(ip=get_client_ip_address(request), username=user.username)

    def logout(self, request: HttpRequest) -> None:
        user = request.user
        with transaction.atomic():
            if isinstance(user, User):
                note_sign_out(actor=user)
            super().logout(request)

    def set_password(self, user: Any, password: str) -> None:
        """Keep it on record, and let somebody who was locked out sign in again at once."""
        user.password = change_password(password=password, actor=user).password
        forget_failures(username=user.username)

    def respond_user_inactive(self, request: HttpRequest, user: Any) -> HttpResponse:
        if speaks_json(request):
            raise AccountInactive
        return super().respond_user_inactive(request, user)


class MfaAdapter(DefaultMFAAdapter):
    """Second factors; their secrets are sealed at rest (allauth would store them plain)."""

    def encrypt(self, text: str) -> str:
        return base64.b64encode(key_ring().seal(text.encode(), _LABEL)).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return key_ring().unseal(base64.b64decode(encrypted_text), _LABEL).decode()


def listen_to_second_factors() -> None:
    """Put on record what people do to their second factors (allauth only tells by signal)."""
    for verb, signal in {
        "add": authenticator_added,
        "remove": authenticator_removed,
        "reset": authenticator_reset,
    }.items():
        signal.connect(_recorder(verb), weak=False, dispatch_uid=f"identity.second_factor.{verb}")


def _recorder(verb: str) -> Any:
    def remember(*, user: User, authenticator: Any, **_: Any) -> None:
        note_second_factor(verb=verb, kind=str(authenticator.type), actor=user)

    return remember
