from django.apps import AppConfig


class ComplianceConfig(AppConfig):
    name = "apps.compliance"
    label = "compliance"
    verbose_name = "Compliance"

    def ready(self) -> None:
        from apps.common.navigation import add_entry
        from apps.compliance.permissions import VIEW_EVIDENCE
        from apps.compliance.selectors import packages_upon
        from apps.ledger.registry import register_upon

        register_upon(packages_upon)
        add_entry(60, "Evidence", "compliance:packages", VIEW_EVIDENCE)
