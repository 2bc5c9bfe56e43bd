from django.apps import AppConfig


class ReconciliationConfig(AppConfig):
    name = "apps.reconciliation"
    label = "reconciliation"
    verbose_name = "Reconciliation"

    def ready(self) -> None:
        from apps.approvals.registry import register_participants, register_remedy
        from apps.common.navigation import add_entry
        from apps.ledger.registry import SupportKind, register_support, register_upon
        from apps.reconciliation.permissions import VIEW_RUNS
        from apps.reconciliation.selectors.participants import participants_in_run
        from apps.reconciliation.selectors.supports import MATCH_RUN, runs_of_days, standing_runs
        from apps.reconciliation.selectors.upon import certified_upon

        register_support(MATCH_RUN, SupportKind(find=standing_runs, offer=runs_of_days))
        register_upon(certified_upon)
        register_participants("reconciliation.run", participants_in_run)
        register_remedy(
            "reconciliation.run", "Reconcile anew: the new outcome then has to be approved."
        )
        register_remedy("reconciliation.rulesetversion", "Propose other rules.")
        register_remedy("reconciliation.resolutionrule", "Retire the rule.")

        add_entry(20, "Breaks", "reconciliation:breaks", VIEW_RUNS, beside=("reconciliation:runs",))
