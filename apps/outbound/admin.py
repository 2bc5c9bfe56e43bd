"""Webhooks in the admin: endpoints are set up through the services, the rest is looked at."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html

from apps.approvals.permissions import VIEW_REQUESTS
from apps.common.admin import ServiceAdmin, WindowAdmin, WindowInline, service_action
from apps.common.errors import Refusal
from apps.identity.context import actor_of
from apps.outbound.context import secret_shown
from apps.outbound.forms import ChangeEndpointAdminForm, NewEndpointAdminForm
from apps.outbound.models import (
    Delivery,
    DeliveryAttempt,
    Endpoint,
    EndpointNotice,
    Message,
    MessageLine,
    MessagePreference,
    WebhookEvent,
)
from apps.outbound.permissions import MANAGE_ENDPOINTS, VIEW_ENDPOINTS
from apps.outbound.services import resend_delivery, retire_endpoint, rotate_secret

_CHANGING = ("name", "url", "kinds")
_FIXED = ("entity", "status", "off_reason", "created_by", "created_at", "secret_changed_at")


@admin.register(Endpoint)
class EndpointAdmin(ServiceAdmin):
    """Secrets are shown once, when they are made, and nowhere else."""

    view_permission = VIEW_ENDPOINTS
    add_permission = MANAGE_ENDPOINTS
    change_permission = MANAGE_ENDPOINTS
    add_form = NewEndpointAdminForm
    list_display = ("name", "entity", "url", "status", "created_at", "page")
    list_filter = ("entity", "status")
    list_select_related = ("entity",)
    search_fields = ("name", "url")
    actions = ("rotate", "retire")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("entity", *_CHANGING) if obj is None else (*_FIXED, *_CHANGING)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return ()
        return _FIXED if self.has_change_permission(request, obj) else (*_FIXED, *_CHANGING)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        if obj is not None:
            kwargs["form"] = ChangeEndpointAdminForm
        form = super().get_form(request, obj, change=change, **kwargs)
        form.actor = request.user
        return form

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        """The page with the secret, instead of the list."""
        return secret_shown(request, obj)

    def has_manage_permission(self, request: HttpRequest) -> bool:
        """Django asks this for the actions below."""
        return self.has_change_permission(request)

    @admin.action(description="Make another secret, and show it", permissions=["manage"])
    def rotate(self, request: HttpRequest, queryset: Any) -> HttpResponse | None:
        actor = actor_of(request)
        chosen = list(queryset[:2])
        if len(chosen) != 1:
            messages.error(request, "Choose one endpoint: its secret is shown once.")
            return None
        try:
            return secret_shown(request, rotate_secret(endpoint_id=chosen[0].pk, actor=actor))
        except Refusal as refusal:
            messages.error(request, refusal.words)
            return None

    retire = service_action(
        retire_endpoint, "endpoint_id", "Retire selected endpoints", done="retired"
    )

    @admin.display(description="Page")
    def page(self, endpoint: Endpoint) -> str:
        return format_html(
            '<a href="{}">Open</a>', reverse("outbound:endpoint", args=[endpoint.pk])
        )


class AttemptInline(WindowInline):
    model = DeliveryAttempt
    fields = ("number", "tried_at", "status_code", "duration_ms", "error", "answer")
    readonly_fields = fields


@admin.register(Delivery)
class DeliveryAdmin(WindowAdmin):
    view_permission = VIEW_ENDPOINTS
    list_display = ("event", "endpoint", "status", "attempt_count", "due_at", "settled_at")
    list_filter = ("status",)
    list_select_related = ("event", "endpoint")
    inlines = (AttemptInline,)
    actions = ("resend",)

    def has_manage_permission(self, request: HttpRequest) -> bool:
        """Django asks this for the action below."""
        user = actor_of(request)
        return bool(user.may(MANAGE_ENDPOINTS))

    resend = service_action(
        resend_delivery, "delivery_id", "Send selected deliveries again", done="sent again"
    )


@admin.register(DeliveryAttempt)
class DeliveryAttemptAdmin(WindowAdmin):
    view_permission = VIEW_ENDPOINTS
    list_display = ("delivery", "number", "tried_at", "status_code", "duration_ms", "error")
    list_filter = ("status_code",)
    list_select_related = ("delivery__event", "delivery__endpoint")


@admin.register(WebhookEvent)
class WebhookEventAdmin(WindowAdmin):
    view_permission = VIEW_ENDPOINTS
    list_display = ("kind", "entity", "occurred_at", "message_id")
    list_filter = ("entity", "kind")
    list_select_related = ("entity",)


@admin.register(EndpointNotice)
class EndpointNoticeAdmin(WindowAdmin):
    view_permission = VIEW_ENDPOINTS
    list_display = ("kind", "endpoint", "person", "noted_at", "read_at")
    list_filter = ("kind",)
    list_select_related = ("endpoint", "person")


@admin.register(MessagePreference)
class MessagePreferenceAdmin(WindowAdmin):
    """One's own; the URL of Slack is never shown."""

    view_permission = VIEW_REQUESTS
    list_display = ("person", "by_email", "by_slack", "rhythm", "digest_hour", "time_zone")
    exclude = ("slack_url",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [name for name in super().get_readonly_fields(request, obj) if name != "slack_url"]


@admin.register(Message)
class MessageAdmin(WindowAdmin):
    """One's own messages, and what became of them."""

    view_permission = VIEW_REQUESTS
    list_display = ("id", "channel", "digest_on", "status", "try_count", "error", "settled_at")
    list_filter = ("status", "channel")


@admin.register(MessageLine)
class MessageLineAdmin(WindowAdmin):
    view_permission = VIEW_REQUESTS
    list_display = ("message", "notice", "channel")
    list_select_related = ("message", "notice")
