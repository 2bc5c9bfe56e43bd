from django.apps import AppConfig


class ReportingConfig(AppConfig):
    name = "apps.reporting"
    label = "reporting"
    verbose_name = "Reporting"

    def ready(self) -> None:
        from apps.compliance.registry import register_check
        from apps.reporting.handlers import register_handlers
        from apps.reporting.services import check_package

        register_handlers()
        register_check(check_package)
