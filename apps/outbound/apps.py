from django.apps import AppConfig


class OutboundConfig(AppConfig):
    name = "apps.outbound"
    label = "outbound"
    verbose_name = "Webhooks and messages"

    def ready(self) -> None:
        from apps.approvals.registry import on_notice
        from apps.audit.registry import on_event
        from apps.common.navigation import add_entry
        from apps.outbound.permissions import VIEW_ENDPOINTS
        from apps.outbound.services import pass_on_notices, publish_event

        on_event(publish_event)
        on_notice(pass_on_notices)
        add_entry(75, "Webhooks", "outbound:endpoints", VIEW_ENDPOINTS)
