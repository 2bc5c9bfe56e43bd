from django.apps import AppConfig


class AnalyticsConfig(AppConfig):
    name = "apps.analytics"
    label = "analytics"
    verbose_name = "Anomalies"

    def ready(self) -> None:
        from apps.analytics.handlers import register_handlers
        from apps.analytics.permissions import VIEW_ANOMALIES
        from apps.common.navigation import add_entry

        register_handlers()
        add_entry(50, "Anomalies", "analytics:anomalies", VIEW_ANOMALIES)
