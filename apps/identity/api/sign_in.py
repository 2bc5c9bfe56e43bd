"""POST /auth/login, /auth/logout, /auth/token/refresh: from a password to a token and back."""

from __future__ import annotations

from typing import Any

from allauth.headless.account.views import LoginView as HeadlessLogin
from allauth.headless.account.views import SessionView as HeadlessSession
from allauth.headless.constants import Flow
from allauth.headless.contrib.rest_framework.authentication import JWTTokenAuthentication
from allauth.headless.tokens.views import RefreshTokenView as HeadlessRefresh
from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.common.api import StrictSerializer, body_of
from apps.identity.api.headless import Answer, ask
from apps.identity.errors import (
    CredentialsWrong,
    SecondFactorMissing,
    SignedInAlready,
    TokenInvalid,
)

_MISMATCHES = ("username_password_mismatch", "email_password_mismatch", "invalid_login")


class AnonymousDoor(APIView):
    """A door for people who are not signed in yet; cookies count for nothing here."""

    authentication_classes = ()
    permission_classes = ()


class BearerDoor(APIView):
    """A door for the bearer of an access token; cookies count for nothing here either."""

    authentication_classes = (JWTTokenAuthentication,)
    permission_classes = (IsAuthenticated,)


class PasswordField(serializers.CharField):
    """A password as it was typed; its length is bounded, for hashing it takes time."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=1024, trim_whitespace=False, write_only=True, **kwargs)


class LoginSerializer(StrictSerializer):
    username = serializers.CharField(max_length=254, required=False)
    email = serializers.EmailField(max_length=254, required=False)
    password = PasswordField()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("username" in attrs) == ("email" in attrs):
            raise serializers.ValidationError("Send either a username or an email.")
        return attrs


class TokenSerializer(serializers.Serializer[Any]):
    access_token = serializers.CharField(help_text="Send as `Authorization: Bearer ...`.")
    refresh_token = serializers.CharField(help_text="Valid once, at /auth/token/refresh.")
    token_type = serializers.CharField(help_text="Always Bearer.")
    expires_in = serializers.IntegerField(help_text="Of the access token, in seconds.")


class RefreshSerializer(StrictSerializer):
    refresh_token = serializers.CharField(max_length=4096)


class Login(AnonymousDoor):
    """Exchange name (or e-mail address) and password for tokens."""

    @extend_schema(request=LoginSerializer, responses=TokenSerializer, tags=["auth"])
    def post(self, request: Request) -> Response:
        """Sign in.

        401 CREDENTIALS_WRONG, or MFA_REQUIRED with the `session_token` with which a code is sent
        to /auth/mfa/verify. Five failures within 15 minutes: 429 LOCKED_OUT.
        """
        content = body_of(request, LoginSerializer)
        answer = ask(HeadlessLogin, request, method="POST", content=content)
        if answer.status == status.HTTP_409_CONFLICT:
            raise SignedInAlready
        if answer.has_error(*_MISMATCHES):
            raise CredentialsWrong
        answer.require_no_error()
        if answer.is_waiting_for(Flow.MFA_AUTHENTICATE):
            raise SecondFactorMissing(session_token=answer.meta["session_token"])
        return Response(tokens(answer.meta))


class Logout(BearerDoor):
    """End the session of the token; its refresh token dies with it."""

    @extend_schema(request=None, responses={204: None}, tags=["auth"])
    def post(self, request: Request) -> Response:
        """Sign out. The tokens stop working at once."""
        ask(HeadlessSession, request, method="DELETE")
        return Response(status=status.HTTP_204_NO_CONTENT)


class Refresh(AnonymousDoor):
    """Exchange a refresh token for a new pair; each is accepted once."""

    @extend_schema(request=RefreshSerializer, responses=TokenSerializer, tags=["auth"])
    def post(self, request: Request) -> Response:
        """A new pair of tokens. 401 TOKEN_INVALID: sign in again."""
        content = body_of(request, RefreshSerializer)
        answer = ask(HeadlessRefresh, request, method="POST", content=content)
        if answer.status != status.HTTP_200_OK:
            raise TokenInvalid
        return Response(tokens(answer.content))


def tokens(answered: Any) -> dict[str, Any]:
    """The tokens of an answer of allauth, in the shape of RFC 6749."""
    return {
        "access_token": answered["access_token"],
        "refresh_token": answered["refresh_token"],
        "token_type": "Bearer",
        "expires_in": settings.HEADLESS_JWT_ACCESS_TOKEN_EXPIRES_IN,
    }


def signed_in(answer: Answer) -> bool:
    """True if the answer carries tokens."""
    return "access_token" in answer.meta
