"""POST /auth/mfa/setup and /auth/mfa/verify: an authenticator app as second factor."""

from __future__ import annotations

from typing import Any

from allauth.headless.account.views import ReauthenticateView as HeadlessReauthenticate
from allauth.headless.contrib.rest_framework.authentication import JWTTokenAuthentication
from allauth.headless.mfa.views import AuthenticateView as HeadlessCode
from allauth.headless.mfa.views import ManageRecoveryCodesView as HeadlessRecoveryCodes
from allauth.headless.mfa.views import ManageTOTPView as HeadlessAuthenticator
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.common.api import StrictSerializer, body_of
from apps.identity.api.headless import Answer, ask
from apps.identity.api.sign_in import BearerDoor, PasswordField, TokenSerializer, signed_in, tokens
from apps.identity.errors import (
    CodeWrong,
    CredentialsWrong,
    PasswordAskedAgain,
    SecondFactorActive,
    SignInExpired,
)


class SetupSerializer(StrictSerializer):
    password = PasswordField(help_text="Asked again: a found device must not change the account.")


class AuthenticatorSerializer(serializers.Serializer[Any]):
    secret = serializers.CharField(help_text="For typing into the authenticator app.")
    otpauth_url = serializers.CharField(help_text="For a QR code.")


class VerifySerializer(StrictSerializer):
    code = serializers.CharField(max_length=20)
    session_token = serializers.CharField(
        max_length=100, required=False, help_text="From the answer MFA_REQUIRED of /auth/login."
    )


class RecoveryCodesSerializer(serializers.Serializer[Any]):
    recovery_codes = serializers.ListField(
        child=serializers.CharField(), help_text="Each works once; shown now and never again."
    )


class SetupSecondFactor(BearerDoor):
    """Begin with an authenticator app."""

    @extend_schema(request=SetupSerializer, responses=AuthenticatorSerializer, tags=["auth"])
    def post(self, request: Request) -> Response:
        """The secret for the app. Nothing changes until its first code comes to /auth/mfa/verify.

        401 CREDENTIALS_WRONG, 409 MFA_ALREADY_ACTIVE.
        """
        content = body_of(request, SetupSerializer)
        shown = ask(HeadlessReauthenticate, request, method="POST", content=content)
        if shown.has_error("incorrect_password"):
            raise CredentialsWrong
        shown.require_no_error()
        answer = ask(HeadlessAuthenticator, request, method="GET")
        if answer.status == status.HTTP_200_OK:
            raise SecondFactorActive
        answer.require_no_error()
        return Response({"secret": answer.meta["secret"], "otpauth_url": answer.meta["totp_url"]})


class VerifySecondFactor(APIView):
    """A code: with `session_token` it completes a sign-in, as bearer it completes the set-up."""

    authentication_classes = (JWTTokenAuthentication,)
    permission_classes = ()

    @extend_schema(
        request=VerifySerializer,
        responses=PolymorphicProxySerializer(
            component_name="Verified",
            serializers=[TokenSerializer, RecoveryCodesSerializer],
            resource_type_field_name=None,
        ),
        tags=["auth"],
    )
    def post(self, request: Request) -> Response:
        """Tokens after a sign-in, recovery codes after the set-up. 401 CODE_WRONG."""
        facts = body_of(request, VerifySerializer)
        code = {"code": facts["code"]}
        session_token = facts.get("session_token")
        if session_token:
            return self._complete_sign_in(request, code, session_token)
        if not request.user.is_authenticated:
            raise NotAuthenticated
        return self._complete_setup(request, code)

    def _complete_sign_in(
        self, request: Request, code: dict[str, str], session_token: str
    ) -> Response:
        answer = ask(
            HeadlessCode, request, method="POST", content=code, session_token=session_token
        )
        _require_right_code(answer)
        if not signed_in(answer):
            raise SignInExpired
        return Response(tokens(answer.meta))

    def _complete_setup(self, request: Request, code: dict[str, str]) -> Response:
        answer = ask(HeadlessAuthenticator, request, method="POST", content=code)
        _require_right_code(answer)
        if answer.status == status.HTTP_401_UNAUTHORIZED:
            raise PasswordAskedAgain
        answer.require_no_error()
        codes = ask(HeadlessRecoveryCodes, request, method="GET")
        return Response({"recovery_codes": codes.content["unused_codes"]})


def _require_right_code(answer: Answer) -> None:
    if answer.has_error("incorrect_code"):
        raise CodeWrong
