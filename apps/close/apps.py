from django.apps import AppConfig


class CloseConfig(AppConfig):
    name = "apps.close"
    label = "close"
    verbose_name = "Close"

    def ready(self) -> None:
        from apps.close.handlers import register_handlers
        from apps.close.permissions import VIEW_CLOSE
        from apps.close.services.reopened import do_again, make_stale, tasks_upon
        from apps.common.navigation import add_entry
        from apps.ledger.registry import on_closed_again, on_reopened, register_upon

        register_handlers()
        on_reopened(make_stale)
        on_closed_again(do_again)
        register_upon(tasks_upon)
        add_entry(10, "Close", "close:board", VIEW_CLOSE)
