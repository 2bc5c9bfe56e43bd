from django.apps import AppConfig


class LedgerConfig(AppConfig):
    name = "apps.ledger"
    label = "ledger"
    verbose_name = "Ledger"

    def ready(self) -> None:
        from django.db.models.signals import post_migrate

        from apps.approvals.registry import (
            register_floor,
            register_overtaken,
            register_participants,
            register_remedy,
        )
        from apps.common.navigation import add_entry
        from apps.ledger.groundwork import install_ledger_guards, register_currencies
        from apps.ledger.permissions import VIEW_LEDGER
        from apps.ledger.registry import register_upon
        from apps.ledger.selectors import (
            REOPENING_ITEM,
            later_periods,
            preparers_of_analysis,
            what_overtook_analysis,
        )
        from apps.ledger.states import REOPENING_APPROVERS

        post_migrate.connect(
            install_ledger_guards, sender=self, dispatch_uid="ledger.install_guards"
        )
        post_migrate.connect(register_currencies, sender=self, dispatch_uid="ledger.currencies")
        register_remedy("ledger.journalentry", "Reverse the journal entry.")
        register_remedy(
            "ledger.period",
            "The period stays closed: correct it by an entry in the next one, or have it reopened.",
        )
        register_participants("ledger.accountanalysis", preparers_of_analysis)
        register_overtaken("ledger.accountanalysis", what_overtook_analysis)
        register_remedy("ledger.accountanalysis", "Prepare a new version of the analysis.")
        register_remedy("ledger.periodreopening", "End the reopening: the period closes again.")
        register_upon(later_periods)
        register_floor(REOPENING_ITEM, REOPENING_APPROVERS)
        beside = ("ledger:analyses", "ledger:periods")
        add_entry(40, "Journal", "ledger:entries", VIEW_LEDGER, beside=beside)
