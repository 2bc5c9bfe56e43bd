"""What every REST door shares: strict input, money as text, rows scoped to the actor."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar

from django.db import models
from drf_spectacular.utils import extend_schema_field
from rest_framework import mixins, serializers, viewsets
from rest_framework.request import Request

from apps.common.access import authorize
from apps.common.money import exponent


class StrictSerializer(serializers.Serializer[Any]):
    """Input that refuses fields it does not know, instead of ignoring them."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            unknown = sorted(set(data) - set(self.fields))
            if unknown:
                raise serializers.ValidationError(
                    {name: ["This field is not known here."] for name in unknown}
                )
        return super().to_internal_value(data)


def body_of(request: Request, shape: type[serializers.Serializer[Any]]) -> dict[str, Any]:
    """The checked facts of a request's body.

    Raises:
        rest_framework.serializers.ValidationError: it has not this shape.
    """
    body = shape(data=request.data)
    body.is_valid(raise_exception=True)
    return dict(body.validated_data)


@extend_schema_field({"type": "string", "format": "decimal", "example": "1234.50"})
@extend_schema_field(str)
class AmountField(serializers.Field[Decimal, Any, str, Any]):
    """Money as a string ("1234.50"); a JSON number with a fraction is refused.

    Output has the decimals of the currency found in the instance's `currency_source`.
    """

    default_error_messages: ClassVar[dict[str, Any]] = {
        "type": 'Send an amount as a string, for example "1234.50".',
        "invalid": "This is not an amount.",
        "range": "An amount has at most 16 digits before and 4 after the point.",
    }

    def __init__(self, *, currency_source: str = "currency", **kwargs: Any) -> None:
        self.currency_source = currency_source
        super().__init__(**kwargs)

    def get_attribute(self, instance: Any) -> Any:
        return instance, super().get_attribute(instance)

    def to_internal_value(self, data: Any) -> Decimal:
        if not isinstance(data, str) or len(data) > 40:
            self.fail("type")
        return serializers.DecimalField(max_digits=20, decimal_places=4).to_internal_value(data)

    def to_representation(self, value: Any) -> str:
        instance, amount = value if isinstance(value, tuple) else (None, value)
        if amount is None:
            return ""
        currency = _dig(instance, self.currency_source)
        places = exponent(currency) if currency else 4
        return f"{amount:.{places}f}"


def announced_bytes(request: Request) -> int:
    """How long the body says it is; 0 if it does not say."""
    text = request.META.get("CONTENT_LENGTH") or "0"
    return int(text) if text.isascii() and text.isdigit() else 0


def _dig(instance: Any, path: str) -> Any:
    for name in path.split("."):
        if instance is None:
            return None
        instance = (
            instance.get(name) if isinstance(instance, Mapping) else getattr(instance, name, None)
        )
    return instance


class ScopedView(viewsets.GenericViewSet[Any]):
    """Rows that the actor may see; what he may not see does not exist (404).

    `view_permission` is asked before anything is looked up.
    """

    view_permission: ClassVar[str]

    def get_queryset(self) -> models.QuerySet[Any]:
        if getattr(self, "swagger_fake_view", False):
            return super().get_queryset().none()
        self.require_view()
        queryset: Any = super().get_queryset()
        return queryset.visible_to(self.request.user)

    def require_view(self) -> None:
        """Refuse who may not look at such rows at all.

        Raises:
            NotPermitted: the actor does not hold `view_permission`.
        """
        actor: Any = self.request.user
        authorize(actor, self.view_permission)


class ScopedReadView(mixins.ListModelMixin, mixins.RetrieveModelMixin, ScopedView):
    """List and detail over scoped rows."""
