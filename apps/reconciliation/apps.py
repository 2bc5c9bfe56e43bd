from django.apps import AppConfig


class ReconciliationConfig(AppConfig):
    name = "apps.reconciliation"
    label = "reconciliation"
    verbose_name = "Reconciliation"

    def ready(self) -> None:
        from apps.common.navigation import add_entry
        from apps.reconciliation.permissions import VIEW_RUNS

        add_entry(20, "Breaks", "reconciliation:breaks", VIEW_RUNS)
