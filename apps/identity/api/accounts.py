"""POST /auth/register and /auth/reset-password: coming to an account, and to its password."""

from __future__ import annotations

from typing import Any

from allauth.headless.account.views import RequestPasswordResetView as HeadlessResetRequest
from allauth.headless.account.views import ResetPasswordView as HeadlessReset
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.api import StrictSerializer, body_of
from apps.identity.api.headless import ask
from apps.identity.api.people import UserSerializer
from apps.identity.api.sign_in import AnonymousDoor, PasswordField
from apps.identity.errors import RegistrationClosed
from apps.identity.services import create_user
from apps.operations.idempotency import IdempotentMixin


class RegisterSerializer(StrictSerializer):
    username = serializers.CharField(max_length=150)
    email = serializers.EmailField(max_length=254)
    first_name = serializers.CharField(max_length=150, required=False)
    last_name = serializers.CharField(max_length=150, required=False)


class ResetSerializer(StrictSerializer):
    email = serializers.EmailField(max_length=254, required=False)
    key = serializers.CharField(max_length=200, required=False, help_text="From the mailed link.")
    password = PasswordField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if set(attrs) not in ({"email"}, {"key", "password"}):
            raise serializers.ValidationError("Send either an email, or a key and a password.")
        return attrs


class Register(IdempotentMixin, viewsets.GenericViewSet[Any]):
    """Create a user: for administrators; nobody registers himself.

    Whoever can approve a payment is known to somebody: that is why this door is closed to
    strangers. No password is set, and so none is ever known to two people: the new user chooses
    it at /auth/reset-password (or "Forgotten your password?").
    """

    permission_classes = ()
    serializer_class = RegisterSerializer

    @extend_schema(request=RegisterSerializer, responses={201: UserSerializer}, tags=["auth"])
    def create(self, request: Request) -> Response:
        """Create a user without roles. 403 REGISTRATION_CLOSED to whoever is not signed in."""
        actor: Any = request.user
        if not actor.is_authenticated:
            raise RegistrationClosed
        facts = body_of(request, RegisterSerializer)
        user = create_user(**facts, password=None, actor=actor)
        return Response(UserSerializer(user).data, status=status.HTTP_201_CREATED)


class ResetPassword(AnonymousDoor):
    """Choose a new password with a key that comes by mail."""

    @extend_schema(request=ResetSerializer, responses={204: None}, tags=["auth"])
    def post(self, request: Request) -> Response:
        """With `email`: send the link, if there is such an account (the answer is the same).

        With `key` and `password`: set the password and end all sessions of the account.
        """
        content = body_of(request, ResetSerializer)
        door = HeadlessResetRequest if "email" in content else HeadlessReset
        ask(door, request, method="POST", content=content).require_no_error()
        return Response(status=status.HTTP_204_NO_CONTENT)
