from django.apps import AppConfig


class ApprovalsConfig(AppConfig):
    name = "apps.approvals"
    label = "approvals"
    verbose_name = "Approvals"

    def ready(self) -> None:
        from apps.approvals.permissions import VIEW_REQUESTS
        from apps.approvals.registry import register_remedy
        from apps.approvals.selectors import waiting_for
        from apps.approvals.services import queue_recheck
        from apps.common.navigation import add_entry
        from apps.identity.registry import on_authority_change

        on_authority_change(queue_recheck)
        register_remedy("approvals.policy", "Retire the policy, or put another in force.")

        add_entry(
            30,
            "Approvals",
            "approvals:inbox",
            VIEW_REQUESTS,
            count=lambda user: waiting_for(user).count(),
        )
